/*
 * The connections of `allocd-bench` to Redis: one that sends commands, one that receives the events.
 */
#ifndef ALLOCD_ENTRYPOINTS_BENCH_CONNECTIONS_H
#define ALLOCD_ENTRYPOINTS_BENCH_CONNECTIONS_H

#include "core/base/bytes.h"
#include "core/message.h"
#include "entrypoints/cli/commands.h"

struct event_base;

/* Called from the event loop. */
struct traffic_user {
	void (*heard)(void *context, enum message_type type, struct bytes payload); /* an event */
	void (*answered)(void *context);                 /* Redis took all that was sent */
	void (*ended)(void *context, const char *cause); /* nothing is sent or heard any more */
};

struct traffic;

/* Begins to connect. */
struct traffic *traffic_new(struct event_base *base, const struct invocation *invocation, bool by_stream,
			    const struct traffic_user *user, void *context);

/* Not from its own callbacks.  Accepts NULL in *traffic and nulls it. */
void traffic_free(struct traffic **traffic);

/* Whether it can send, and hears every event. */
bool traffic_is_up(const struct traffic *traffic);

/* Why it is not up, as far as is known; NULL when it is. */
const char *traffic_trouble(const struct traffic *traffic);

/* Messages with the same key go one way; they are copied, and leave with the next flush. */
void traffic_add(struct traffic *traffic, enum message_type command, uint32_t key, struct bytes payload);
void traffic_flush(struct traffic *traffic);

/* Whether Redis took all that was sent. */
bool traffic_is_answered(const struct traffic *traffic);

#endif
