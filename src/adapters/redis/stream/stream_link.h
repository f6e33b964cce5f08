/*
 * One of a stream's two connections.  When it reconnects, it first makes Redis close the previous
 * connection, because entries that Redis delivers to a lost connection reach no reader.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_STREAM_STREAM_LINK_H
#define ALLOCD_ADAPTERS_REDIS_STREAM_STREAM_LINK_H

#include "adapters/redis/connection/redis_connection.h"
#include "adapters/redis/server/client_identity.h"

struct stream_link {
	struct redis_connection *connection;
	char *name;
	struct client_identity identity;  /* of the connection; until it is up, of the previous one */
	size_t replies;                   /* still expected before it is up */
	void (*connected)(void *context); /* called when it is up, or NULL */
	void *context;
};

/* Its name in the log and in Redis is `name` with `suffix` behind it. */
void stream_link_init(struct stream_link *link, const struct redis_settings *settings, const char *name,
		      const char *suffix);
void stream_link_release(struct stream_link *link);

#endif
