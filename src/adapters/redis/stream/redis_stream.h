/*
 * A Redis stream as one consumer of a group reads it (the port bus/ports/stream.h).
 *
 * Two connections: one waits for new entries, which blocks all commands behind it; the other does all else.
 * A call whose connection is not up, or that is lost with it, fails with FAILURE_RETRY; so does what Redis
 * refuses.  A connection that replaces a lost one first ends what Redis may still serve of it, so that no
 * entry is delivered without a reader; until then no pending entries are read.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_STREAM_REDIS_STREAM_H
#define ALLOCD_ADAPTERS_REDIS_STREAM_REDIS_STREAM_H

#include "adapters/redis/connection/redis_connection.h"
#include "bus/ports/stream.h"

/* All of it is copied. */
struct redis_stream_config {
	const char *key; /* with the prefix */
	const char *group, *consumer;
	const char *name;      /* of its connections, in CLIENT LIST */
	int64_t claim_idle_ms; /* STREAM_CLAIM_IDLE_MS, but in tests */
};

struct redis_stream;

/* Begins to connect. */
struct redis_stream *redis_stream_new(const struct redis_settings *settings,
				      const struct redis_stream_config *config);

/* Nothing is answered any more.  Not from its own callbacks.  Accepts NULL in *stream and nulls it. */
void redis_stream_free(struct redis_stream **stream);

/* Lives as long as the stream does. */
struct stream *redis_stream_port(struct redis_stream *stream);

/* Why not both connections are up; NULL when they are.  The key and the group may be refused all the same. */
const char *redis_stream_trouble(const struct redis_stream *stream);

#endif
