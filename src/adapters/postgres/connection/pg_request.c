/* Jobs, and queues of them. */
#include "adapters/postgres/connection/pg_request.h"

#include <stdlib.h>

struct query *job_current_query(struct job *job)
{
	const struct segment *segment = job->segment;

	while (job->answered < segment->count && query_is_idle(segment->queries[job->answered]))
		job->answered++;
	return job->answered < segment->count ? segment->queries[job->answered] : NULL;
}

void job_free(struct job *job)
{
	evtimer_del(&job->timer);
	free(job);
}

/* The results of a segment that failed are of no use to anybody. */
static void drop_results(struct segment *segment)
{
	for (size_t i = 0; i < segment->count; i++) {
		PQclear(segment->queries[i]->result);
		segment->queries[i]->result = NULL;
	}
}

void job_answer(struct job *job)
{
	struct failure failure = {job->trouble.kind, job->trouble.text};

	if (job->failed)
		drop_results(job->segment);
	job->done(job->context, job->failed ? &failure : NULL);
	job_free(job);
}

void job_queue_push(struct job_queue *queue, struct job *job)
{
	if (queue->last)
		queue->last->next = job;
	else
		queue->first = job;
	queue->last = job;
	queue->count++;
}

void job_queue_push_first(struct job_queue *queue, struct job *job)
{
	job->next = queue->first;
	queue->first = job;
	if (!queue->last)
		queue->last = job;
	queue->count++;
}

void job_queue_remove(struct job_queue *queue, struct job *job)
{
	struct job *before = NULL;

	for (struct job *it = queue->first; it != job; it = it->next)
		before = it;
	if (before)
		before->next = job->next;
	else
		queue->first = job->next;
	if (queue->last == job)
		queue->last = before;
	job->next = NULL;
	queue->count--;
}
