/* Reads the entries of a stream above an id, without a group, and those that are added later. */
#ifndef ALLOCD_ADAPTERS_REDIS_TOOLS_STREAM_TAIL_H
#define ALLOCD_ADAPTERS_REDIS_TOOLS_STREAM_TAIL_H

#include "adapters/redis/connection/redis_connection.h"
#include "bus/ports/stream.h"

struct stream_tail;

struct stream_tail_user {
	/* Entries come in their order, each once, also where the connection is lost in between. */
	void (*found)(void *context, const struct stream_entry *entry);

	/* Redis refuses to read it, for a reason in one line.  Nothing follows. */
	void (*failed)(void *context, const char *error);
};

/* Begins to connect.  `key` and `user` outlive it. */
struct stream_tail *stream_tail_new(const struct redis_settings *settings, const char *key,
				    struct stream_id after, const struct stream_tail_user *user,
				    void *context);

/* Not from its own callbacks.  Accepts NULL in *tail and nulls it. */
void stream_tail_free(struct stream_tail **tail);

/* Why Redis cannot be reached; NULL when it is. */
const char *stream_tail_trouble(const struct stream_tail *tail);

#endif
