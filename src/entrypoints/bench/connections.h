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
struct bench_connections_user {
	void (*received)(void *context, enum message_type type, struct bytes payload); /* an event */
	void (*answered)(void *context); /* Redis confirmed all that was sent */
	void (*ended)(void *context,
		      const char *cause); /* a connection is lost: nothing more is sent or received */
};

struct bench_connections;

/* Begins to connect. */
struct bench_connections *connections_new(struct event_base *base, const struct invocation *invocation,
					  bool by_stream, const struct bench_connections_user *user,
					  void *context);

/* Must not be called from the callbacks.  Accepts NULL in *connections and nulls it. */
void connections_free(struct bench_connections **connections);

/* Whether commands can be sent and every event is received. */
bool connections_is_up(const struct bench_connections *connections);

/* Why the connections are not up, if that is known; NULL when they are up. */
const char *connections_trouble(const struct bench_connections *connections);

/* Messages with the same key are sent to the same stream; they are copied, and sent by the next flush. */
void connections_add(struct bench_connections *connections, enum message_type command, uint32_t key,
		     struct bytes payload);
void connections_flush(struct bench_connections *connections);

/* Whether Redis confirmed all that was sent. */
bool connections_is_answered(const struct bench_connections *connections);

#endif
