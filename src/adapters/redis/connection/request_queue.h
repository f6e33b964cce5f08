/* What was asked on a connection and is not answered yet: replies come in the order of the questions. */
#ifndef ALLOCD_ADAPTERS_REDIS_CONNECTION_REQUEST_QUEUE_H
#define ALLOCD_ADAPTERS_REDIS_CONNECTION_REQUEST_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

struct redisReply;

/*
 * `reply` is NULL when the connection was lost before it came (then it is the last call); valid during the
 * call.
 */
typedef void connection_replied(void *context, const struct redisReply *reply);

struct request_queue {
	struct request *first, *last;
};

/* One that `replies` replies (at least one) answer. */
void request_queue_push(struct request_queue *requests, size_t replies, connection_replied *replied,
			void *context);

/* Hands the reply to the one whose turn it is; false: nobody's. */
bool request_queue_answer(struct request_queue *requests, const struct redisReply *reply);

/* Tells each, in order, that no more replies come, and forgets them all. */
void request_queue_abandon(struct request_queue *requests);

/* Forgets them all, untold. */
void request_queue_clear(struct request_queue *requests);

#endif
