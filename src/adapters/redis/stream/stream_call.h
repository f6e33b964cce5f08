/*
 * One call of an operation on a stream, from its beginning to its answer.  Commands go out over a link.
 * `answer` is called once, from the event loop: when the operation has all replies that it needs, or when
 * the link is lost or was not up.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_STREAM_STREAM_CALL_H
#define ALLOCD_ADAPTERS_REDIS_STREAM_STREAM_CALL_H

#include "adapters/redis/stream/stream_link.h"
#include "bus/ports/failure.h"
#include "bus/ports/stream.h"

#include <stdbool.h>
#include <stddef.h>

struct evbuffer;
struct event;
struct event_base;
struct redis_stream;
struct redisReply;

struct stream_call {
	struct redis_stream *stream;
	const struct stream_link *link;      /* sends the commands */
	const struct stream_link *companion; /* must be up, too */
	struct event *refusing;              /* fails the call when one of them is not up */
	void (*answer)(struct stream_call *call, const struct failure *failure);
	int expected; /* the type of each reply, for stream_call_on_done() */
	bool is_open;
	size_t replies; /* still expected */
	bool failed;
	struct failure failure; /* the first one */
	char error[REDIS_TROUBLE_MAX];

	union {
		stream_done *done;
		stream_looked *looked;
		stream_claimed *claimed;
		stream_was_read *was_read;
	} callback;
	void *context;
};

/* `stream`, the links, `answer` and `expected` are the caller's to set. */
void stream_call_init(struct stream_call *call, struct event_base *base);
void stream_call_release(struct stream_call *call);

/* The operation's previous call must have been answered.  `context` is that of the caller's callback. */
void stream_call_begin(struct stream_call *call, void *context);

/* Sends the commands, which are released; each of `replies` replies goes to `replied`, with the call. */
void stream_call_ask(struct stream_call *call, struct evbuffer *commands, size_t replies,
		     connection_replied *replied);

/* Sends, or only appends, one command; NULL ends its words. */
void stream_call_ask_one(struct stream_call *call, connection_replied *replied, const char *const *words);
void stream_call_append(struct evbuffer *commands, const char *const *words);

/*
 * Counts a reply.  Returns false if it is NULL, because the connection was lost: the call has then been
 * answered, and no other reply follows.
 */
bool stream_call_received(struct stream_call *call, const struct redisReply *reply);

/*
 * Notes why the call failed; the first reason counts.  The second form is for a reply that is an error,
 * or is of a type that was not expected.
 */
void stream_call_fail(struct stream_call *call, enum failure_kind kind, const char *error);
void stream_call_fail_with(struct stream_call *call, const struct redisReply *reply);

/* Answers the call: with success, unless a failure was noted. */
void stream_call_finish(struct stream_call *call);

/*
 * Receives a reply of a call that only checks that each reply has the expected type.  A group that already
 * exists is no failure.
 */
void stream_call_on_done(void *context, const struct redisReply *reply);

#endif
