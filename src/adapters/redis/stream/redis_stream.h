/*
 * A Redis stream as one consumer of a group reads it (the port bus/ports/stream.h).
 *
 * Two connections: one waits for new entries, which blocks all commands behind it; the other does the rest.
 * A call fails with FAILURE_RETRY when its connection is not up or is lost, with FAILURE_CONFLICT when the
 * group or the stream is missing, and with FAILURE_FATAL when Redis refuses it for another reason.  A new
 * connection first makes Redis close the one that it replaces, so that no entry is delivered without a
 * reader; until then no pending entries are read.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_STREAM_REDIS_STREAM_H
#define ALLOCD_ADAPTERS_REDIS_STREAM_REDIS_STREAM_H

#include "adapters/redis/connection/redis_connection.h"
#include "bus/ports/stream.h"

/* All of it is copied.  `connected` is called from the event loop. */
struct redis_stream_config {
	const char *key; /* with the prefix */
	const char *group, *consumer;
	const char *name;                 /* of the connections, in CLIENT LIST */
	void (*connected)(void *context); /* it has other connections than before; NULL: not told */
	void *context;
};

struct redis_stream;

/* Begins to connect. */
struct redis_stream *redis_stream_new(const struct redis_settings *settings,
				      const struct redis_stream_config *config);

/* Calls in flight are not answered.  Not from its own callbacks.  Accepts NULL in *stream and nulls it. */
void redis_stream_free(struct redis_stream **stream);

/* Lives as long as the stream does. */
struct stream *redis_stream_port(struct redis_stream *stream);

/* Why a connection is not up; NULL when both are.  Redis may still refuse the key or the group. */
const char *redis_stream_trouble(const struct redis_stream *stream);

#endif
