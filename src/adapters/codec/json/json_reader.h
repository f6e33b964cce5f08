/*
 * JSON, read tolerantly: of the payload's object, and of a CloudEvent's data, the members are known; what
 * other values hold is walked over and not looked at.
 */
#ifndef ALLOCD_ADAPTERS_CODEC_JSON_JSON_READER_H
#define ALLOCD_ADAPTERS_CODEC_JSON_JSON_READER_H

#include "adapters/codec/value.h"
#include "core/base/arena.h"
#include "core/base/bytes.h"

#include <stdbool.h>

/* An object of more members takes memory of its own. */
#define JSON_FEW_MEMBERS 16

struct json_member {
	struct text name;
	const char *start; /* of the name as it is written, at its quote */
	struct text raw;   /* the value as it is written */
	struct value value;
};

struct json_object {
	size_t count;
	size_t room;
	struct json_member *members; /* in their order: `few`, or from malloc() */
	struct json_member few[JSON_FEW_MEMBERS];
};

struct json_document {
	struct json_object root;
	struct json_object data; /* of a CloudEvent; else without members */
};

/*
 * Reads the payload's object.  Texts point into the payload or lie in `arena`.  True: to be released.  False:
 * one sentence in *error, and nothing to release.
 */
bool codec_read_json(struct bytes payload, struct arena *arena, struct json_document *document,
		     const char **error);
void codec_release_json(struct json_document *document);

/* Valid until the document is released. */
struct object codec_view_json(const struct json_document *document);

/*
 * The payload, an object, on one line without blanks, with a NUL after it that does not count.  What is no
 * JSON but was walked over (NaN) becomes null; all else stays as it is written.
 */
bool codec_compact_json(struct bytes payload, struct arena *arena, struct bytes *line, const char **error);

#endif
