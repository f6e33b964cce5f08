/*
 * The validator: walks a message's descriptor between an object on the wire and the message's struct.
 * It is the same for every encoding, and for the attributes of an envelope, which have a descriptor too.
 */
#ifndef ALLOCD_ADAPTERS_CODEC_FIELDS_H
#define ALLOCD_ADAPTERS_CODEC_FIELDS_H

#include "adapters/codec/document.h"
#include "adapters/codec/value.h"
#include "core/base/arena.h"
#include "core/field.h"

#include <stdbool.h>

/*
 * Reads what the descriptor asks for into the struct at `body`, tolerantly: other members are ignored.  What
 * is stored lives in `arena`.  On failure returns false, with one sentence in *error.
 */
bool fields_read(const struct message_descriptor *descriptor, struct object object, struct arena *arena,
		 void *body, const char **error);

/*
 * Adds the struct's fields to `document`, strictly: each must be as its schema says.  Optional ones that are
 * absent are left out.  The document points into the struct.
 */
bool fields_write(const struct message_descriptor *descriptor, const void *body, struct arena *arena,
		  struct document *document, const char **error);

#endif
