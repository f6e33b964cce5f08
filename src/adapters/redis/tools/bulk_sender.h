/*
 * Sends many messages, pipelined, over one connection, and reads every reply: used by allocd-bench.
 *
 * A message costs one copy and no memory of its own.  The sender ends, and reports that once, when Redis
 * refuses a message, when a channel has no subscriber, or when the connection is lost.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_TOOLS_BULK_SENDER_H
#define ALLOCD_ADAPTERS_REDIS_TOOLS_BULK_SENDER_H

#include "adapters/redis/connection/redis_connection.h"
#include "core/base/bytes.h"

/* Called from the event loop. */
struct bulk_sender_user {
	void (*up)(void *context);                       /* from now on it may send */
	void (*answered)(void *context);                 /* all that was sent */
	void (*ended)(void *context, const char *cause); /* in one line */
};

struct bulk_sender;

/* Begins to connect.  `user` outlives it. */
struct bulk_sender *bulk_sender_new(const struct redis_settings *settings, const char *name,
				    const struct bulk_sender_user *user, void *context);

/* Not from its own callbacks.  Accepts NULL in *sender and nulls it. */
void bulk_sender_free(struct bulk_sender **sender);

/* Where messages go: all of a command's bytes before the payload. */
struct sender_target {
	char head[4096];
	size_t size;
};

void sender_target_channel(struct sender_target *target, const char *channel);
void sender_target_stream(struct sender_target *target, const char *stream, const char *type);

/* Keeps a copy, until bulk_sender_flush() sends all that was added. */
void bulk_sender_add(struct bulk_sender *sender, const struct sender_target *target, struct bytes payload);
void bulk_sender_flush(struct bulk_sender *sender);

/* Whether Redis took all that was sent. */
bool bulk_sender_is_answered(const struct bulk_sender *sender);

#endif
