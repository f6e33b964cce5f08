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

struct requests {
	struct request *first, *last;
};

/* One that `replies` replies (at least one) answer. */
void requests_push(struct requests *requests, size_t replies, connection_replied *replied, void *context);

/* Hands the reply to the one whose turn it is; false: nobody's. */
bool requests_answer(struct requests *requests, const struct redisReply *reply);

/* Tells each, in order, that no more replies come, and forgets them all. */
void requests_abandon(struct requests *requests);

/* Forgets them all, untold. */
void requests_clear(struct requests *requests);

#endif
