/*
 * Port: how messages look on the wire.
 *
 * Synchronous and pure.  Reading is tolerant: the fields that the message's descriptor names are checked, and
 * unknown fields are ignored.  Writing is strict: an event that does not satisfy its schema is not written.
 */
#ifndef ALLOCD_BUS_PORTS_CODEC_H
#define ALLOCD_BUS_PORTS_CODEC_H

#include "core/base/arena.h"
#include "core/base/bytes.h"
#include "core/message.h"

#include <stdbool.h>

/* A larger payload is invalid. */
#define PAYLOAD_MAX ((size_t)64 * 1024)

/* A message and its metadata. */
struct envelope {
	struct message message;
	const char *id;          /* of the command (its field, or CloudEvents' id), NULL: none; or of an
				    event about a message */
	const char *source;      /* CloudEvents' source; "" for a bare message */
	const char *traceparent; /* W3C Trace Context, in the form of version 00; NULL: none */
	int64_t occurred_at;     /* the field, or CloudEvents' time; NO_INSTANT: unknown */
};

struct codec {
	const struct codec_ops *ops;
};

struct codec_ops {
	/*
	 * Reads one command of type `expected` (the channel, stream type or path names it), or an event that
	 * was written before, whose id is that of its envelope, if it has one.  On success
	 * everything in `envelope` lives in `arena`, and id and occurred_at are set both in it and in the
	 * message.  On failure returns false, with one sentence in *error (in `arena`) that names the field
	 * and says what was expected; of the envelope only id, source and traceparent are set, and
	 * each only when it could be read.
	 */
	bool (*decode)(struct codec *codec, enum message_type expected, struct bytes payload,
		       struct arena *arena, struct envelope *envelope, const char **error);

	/*
	 * Writes one event, in the configured encoding and envelope, or one command, in bare JSON, into
	 * `arena`.  Fails as decode does.
	 */
	bool (*encode)(struct codec *codec, const struct envelope *envelope, struct arena *arena,
		       struct bytes *payload, const char **error);

	/*
	 * Writes one event in the encoding and envelope of `model`, an event that was written before, and
	 * with the source of the envelope; the configuration does not count.  Fails as decode does.
	 */
	bool (*encode_like)(struct codec *codec, struct bytes model, const struct envelope *envelope,
			    struct arena *arena, struct bytes *payload, const char **error);
};

#endif
