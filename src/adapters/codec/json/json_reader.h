/*
 * Reads JSON tolerantly: lists the members of the payload's object, and of a CloudEvent's data; the content
 * of other values is only checked to be JSON.
 */
#ifndef ALLOCD_ADAPTERS_CODEC_JSON_JSON_READER_H
#define ALLOCD_ADAPTERS_CODEC_JSON_JSON_READER_H

#include "adapters/codec/value.h"
#include "core/base/arena.h"
#include "core/base/bytes.h"

#include <stdbool.h>

/* An object with more members allocates memory for them. */
#define JSON_FEW_MEMBERS 16

struct json_member {
	struct text name;
	const char *start; /* of the raw name, at its quote */
	struct text raw;   /* the raw value */
	struct value value;
};

struct json_object {
	size_t count;
	size_t room;
	struct json_member *members; /* in the payload's order: `few`, or from malloc() */
	struct json_member few[JSON_FEW_MEMBERS];
};

struct json_document {
	struct json_object root;
	struct json_object data; /* of the root's member of that name, which a CloudEvent has */
};

/*
 * Reads the payload's object.  Texts point into the payload or `arena`.  On success the caller releases the
 * document; on failure there is one sentence in *error, and nothing to release.
 */
bool codec_read_json(struct bytes payload, struct arena *arena, struct json_document *document,
		     const char **error);
void codec_release_json(struct json_document *document);

/* Valid until the document is released. */
struct object codec_view_json(const struct json_document *document);

/*
 * Writes the payload, an object, on one line without blanks, followed by a NUL that is not counted.  NaN and
 * infinities, which are not JSON, become null; the rest is copied unchanged.
 */
bool codec_compact_json(struct bytes payload, struct arena *arena, struct bytes *line, const char **error);

#endif
