/* A linked list.  Callbacks may push, abandon or clear: the queue is not used after a call. */
#include "adapters/redis/connection/request_queue.h"

#include "core/base/must.h"

struct request {
	struct request *next;
	size_t replies; /* still expected */
	connection_replied *replied;
	void *context;
};

void request_queue_push(struct request_queue *requests, size_t replies, connection_replied *replied,
			void *context)
{
	struct request *request = must_alloc(sizeof *request);

	*request = (struct request){NULL, replies, replied, context};
	if (requests->last)
		requests->last->next = request;
	else
		requests->first = request;
	requests->last = request;
}

static void pop(struct request_queue *requests)
{
	struct request *request = requests->first;

	requests->first = request->next;
	if (!requests->first)
		requests->last = NULL;
	free(request);
}

bool request_queue_answer(struct request_queue *requests, const struct redisReply *reply)
{
	struct request answered;

	if (!requests->first)
		return false;
	requests->first->replies--;
	answered = *requests->first;
	if (!answered.replies)
		pop(requests);
	answered.replied(answered.context, reply);
	return true;
}

void request_queue_abandon(struct request_queue *requests)
{
	struct request_queue abandoned = *requests;

	*requests = (struct request_queue){0};
	while (abandoned.first) {
		struct request answered = *abandoned.first;

		pop(&abandoned);
		answered.replied(answered.context, NULL);
	}
}

void request_queue_clear(struct request_queue *requests)
{
	while (requests->first)
		pop(requests);
}
