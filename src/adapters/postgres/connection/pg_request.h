/*
 * A request is a pipeline on its way: it is queued until the connection is ready, then waits for its answer.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_CONNECTION_PG_REQUEST_H
#define ALLOCD_ADAPTERS_POSTGRES_CONNECTION_PG_REQUEST_H

#include "adapters/postgres/connection/pg_connection.h"
#include "adapters/postgres/connection/pg_error.h"

#include <event2/event_struct.h>

struct pg_request {
	struct pg_request *next;
	struct pg_connection *connection;
	struct query_pipeline *pipeline;
	enum query_pipeline_effect effect;
	query_pipeline_done *done;
	void *context;
	struct event timer; /* limits the wait for a connection */
	bool sent;
	bool flushed;    /* its sync has left this process */
	size_t answered; /* the number of its queries that were answered or skipped */
	bool failed;
	bool ends_session;
	struct query *settings; /* of its transaction, behind a pooler; or NULL */
	struct pg_error error;
};

/* The query that the next result belongs to; NULL after the last one. */
struct query *pg_request_current_query(struct pg_request *request);

/* Calls `done` with the outcome and frees the request, which must have left its queue. */
void pg_request_answer(struct pg_request *request);
void pg_request_free(struct pg_request *request);

struct pg_request_queue {
	struct pg_request *first, *last;
};

void pg_request_queue_push(struct pg_request_queue *queue, struct pg_request *request);
void pg_request_queue_push_first(struct pg_request_queue *queue, struct pg_request *request);
void pg_request_queue_remove(struct pg_request_queue *queue, struct pg_request *request);

#endif
