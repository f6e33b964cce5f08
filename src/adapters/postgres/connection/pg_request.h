/*
 * A segment on its way: jobs wait in a queue for the connection, and then for their answers.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_CONNECTION_PG_REQUEST_H
#define ALLOCD_ADAPTERS_POSTGRES_CONNECTION_PG_REQUEST_H

#include "adapters/postgres/connection/pg_connection.h"
#include "adapters/postgres/connection/pg_error.h"

#include <event2/event_struct.h>

struct job {
	struct job *next;
	struct connection *connection;
	struct segment *segment;
	enum segment_effect effect;
	segment_done *done;
	void *context;
	struct event timer; /* of the wait for a connection */
	bool sent;
	bool flushed;    /* its sync has left this process */
	size_t answered; /* so many of its queries are behind us */
	bool failed;
	bool ends_session;
	struct query *settings; /* of its transaction, behind a pooler; or NULL */
	struct trouble trouble;
};

/* The query that the next result belongs to; NULL behind the last one. */
struct query *job_current_query(struct job *job);

/* Tells what came of it and frees it.  It is in no queue any more. */
void job_answer(struct job *job);
void job_free(struct job *job);

struct job_queue {
	struct job *first, *last;
	size_t count;
};

void job_queue_push(struct job_queue *queue, struct job *job);
void job_queue_push_first(struct job_queue *queue, struct job *job);
void job_queue_remove(struct job_queue *queue, struct job *job);

#endif
