/* Requests and their queue. */
#include "adapters/postgres/connection/pg_request.h"

#include <stdlib.h>

struct query *pg_request_current_query(struct pg_request *request)
{
	const struct query_pipeline *pipeline = request->pipeline;

	while (request->answered < pipeline->count && query_is_idle(pipeline->queries[request->answered]))
		request->answered++;
	return request->answered < pipeline->count ? pipeline->queries[request->answered] : NULL;
}

void pg_request_free(struct pg_request *request)
{
	evtimer_del(&request->timer);
	free(request);
}

void pg_request_answer(struct pg_request *request)
{
	struct failure failure = {request->error.kind, request->error.text};

	if (request->failed) /* its results must not be used */
		query_pipeline_drop_results(request->pipeline);
	request->done(request->context, request->failed ? &failure : NULL);
	pg_request_free(request);
}

void pg_request_queue_push(struct pg_request_queue *queue, struct pg_request *request)
{
	if (queue->last)
		queue->last->next = request;
	else
		queue->first = request;
	queue->last = request;
}

void pg_request_queue_push_first(struct pg_request_queue *queue, struct pg_request *request)
{
	request->next = queue->first;
	queue->first = request;
	if (!queue->last)
		queue->last = request;
}

void pg_request_queue_remove(struct pg_request_queue *queue, struct pg_request *request)
{
	struct pg_request *before = NULL;

	for (struct pg_request *it = queue->first; it != request; it = it->next)
		before = it;
	if (before)
		before->next = request->next;
	else
		queue->first = request->next;
	if (queue->last == request)
		queue->last = before;
	request->next = NULL;
}
