/* Fields from the operator's hand: "qty=10". */
#ifndef ALLOCD_ADAPTERS_CODEC_TOOLS_PAIRS_H
#define ALLOCD_ADAPTERS_CODEC_TOOLS_PAIRS_H

#include "adapters/codec/value.h"
#include "core/base/arena.h"
#include "core/field.h"

#include <stdbool.h>

struct pair {
	const struct field *field;
	const char *name; /* as it was written: the field's own or its alias */
	const char *text; /* behind the equals sign; UTF-8 */
};

/* False, with one sentence in *error, when the text is no pair of a field of that message and a value. */
bool pair_read(const struct message_descriptor *descriptor, const char *text, struct arena *arena,
	       struct pair *pair, const char **error);

/* What the schema makes of the text: an integer or a text, not checked any further. */
struct value pair_value(const struct pair *pair);

#endif
