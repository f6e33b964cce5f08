/*
 * A segment on its way: jobs wait in a queue for the connection, and then for their answers.
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
	struct event timer; /* of the wait for a connection */
	bool sent;
	bool flushed;    /* its sync has left this process */
	size_t answered; /* so many of its queries are behind us */
	bool failed;
	bool ends_session;
	struct query *settings; /* of its transaction, behind a pooler; or NULL */
	struct pg_error trouble;
};

/* The query that the next result belongs to; NULL behind the last one. */
struct query *pg_request_current_query(struct pg_request *request);

/* Tells what came of it and frees it.  It is in no queue any more. */
void pg_request_answer(struct pg_request *request);
void pg_request_free(struct pg_request *request);

struct pg_request_queue {
	struct pg_request *first, *last;
	size_t count;
};

void pg_request_queue_push(struct pg_request_queue *queue, struct pg_request *request);
void pg_request_queue_push_first(struct pg_request_queue *queue, struct pg_request *request);
void pg_request_queue_remove(struct pg_request_queue *queue, struct pg_request *request);

#endif
