/*
 * The validator: copies fields between an object of a payload and a message's struct, by the message's
 * descriptor.  It serves every encoding, and the attributes of an envelope, which have a descriptor, too.
 */
#ifndef ALLOCD_ADAPTERS_CODEC_FIELDS_H
#define ALLOCD_ADAPTERS_CODEC_FIELDS_H

#include "adapters/codec/document.h"
#include "adapters/codec/value.h"
#include "core/base/arena.h"
#include "core/field.h"

#include <stdbool.h>

/*
 * Reads the descriptor's fields into the struct at `body`, tolerantly: other members are ignored.  Texts are
 * copied to `arena`.  On failure returns false, with one sentence in *error.
 */
bool fields_read(const struct message_descriptor *descriptor, struct object object, struct arena *arena,
		 void *body, const char **error);

/*
 * Adds the struct's fields to `document`, strictly: each must satisfy its schema.  Absent optional fields are
 * left out.  The document points into the struct.
 */
bool fields_write(const struct message_descriptor *descriptor, const void *body, struct arena *arena,
		  struct document *document, const char **error);

#endif
