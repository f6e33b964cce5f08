/* Fields that an operator types: "qty=10". */
#ifndef ALLOCD_ADAPTERS_CODEC_TOOLS_PAIRS_H
#define ALLOCD_ADAPTERS_CODEC_TOOLS_PAIRS_H

#include "adapters/codec/value.h"
#include "core/base/arena.h"
#include "core/field.h"

#include <stdbool.h>

struct pair {
	const struct field *field;
	const char *name; /* as typed: the field's own name or its alias */
	const char *text; /* after the equals sign; UTF-8 */
};

/* False, with one sentence in *error, when the text is not FIELD=VALUE with a field of that message. */
bool pair_read(const struct message_descriptor *descriptor, const char *text, struct arena *arena,
	       struct pair *pair, const char **error);

/* The text's value, an integer or a text by the field's kind, not checked any further. */
struct value pair_value(const struct pair *pair);

#endif
