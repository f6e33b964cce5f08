/*
 * Sends many messages, pipelined, over one connection, and reads every reply: used by allocd-bench.
 *
 * A message costs one copy and no separate allocation.  The sender ends, and reports that once, when Redis
 * refuses a message, when a channel has no subscriber, or when the connection is lost.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_TOOLS_BULK_SENDER_H
#define ALLOCD_ADAPTERS_REDIS_TOOLS_BULK_SENDER_H

#include "adapters/redis/connection/redis_connection.h"
#include "core/base/bytes.h"

/* Called from the event loop. */
struct bulk_sender_user {
	void (*up)(void *context);                       /* from now on messages can be sent */
	void (*answered)(void *context);                 /* every message that was sent */
	void (*ended)(void *context, const char *cause); /* `cause` is one line */
};

struct bulk_sender;

/* Begins to connect.  `user` outlives the sender. */
struct bulk_sender *bulk_sender_new(const struct redis_settings *settings, const char *name,
				    const struct bulk_sender_user *user, void *context);

/* Not from its own callbacks.  Accepts NULL in *sender and nulls it. */
void bulk_sender_free(struct bulk_sender **sender);

/* A target of messages: the bytes of a command that precede the payload. */
struct sender_target {
	char head[4096];
	size_t size;
};

void sender_target_channel(struct sender_target *target, const char *channel);
void sender_target_stream(struct sender_target *target, const char *stream, const char *type);

/* Copies a message; bulk_sender_flush() sends all that were added. */
void bulk_sender_add(struct bulk_sender *sender, const struct sender_target *target, struct bytes payload);
void bulk_sender_flush(struct bulk_sender *sender);

/* Whether Redis has answered every message that was sent. */
bool bulk_sender_is_answered(const struct bulk_sender *sender);

#endif
