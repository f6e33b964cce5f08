/* Requests on a connection that are not answered yet; replies arrive in the order of the requests. */
#ifndef ALLOCD_ADAPTERS_REDIS_CONNECTION_REQUEST_QUEUE_H
#define ALLOCD_ADAPTERS_REDIS_CONNECTION_REQUEST_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

struct redisReply;

/*
 * `reply` is valid during the call.  NULL: the connection was lost before the reply arrived; no other call
 * follows.
 */
typedef void connection_replied(void *context, const struct redisReply *reply);

struct request_queue {
	struct request *first, *last;
};

/* Adds a request that `replies` replies (at least one) answer. */
void request_queue_push(struct request_queue *requests, size_t replies, connection_replied *replied,
			void *context);

/* Hands the reply to the oldest request; returns false if there are no requests. */
bool request_queue_answer(struct request_queue *requests, const struct redisReply *reply);

/* Calls each request, in order, with a NULL reply, and removes them all. */
void request_queue_abandon(struct request_queue *requests);

/* Removes all requests without a call. */
void request_queue_clear(struct request_queue *requests);

#endif
