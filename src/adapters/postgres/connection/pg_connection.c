/* Connects, sends requests, and reconnects after a loss, in time order. */
#include "adapters/postgres/connection/connection_internal.h"

#include "adapters/postgres/connector/connector.h"
#include "adapters/postgres/connector/conninfo.h"
#include "adapters/postgres/connector/session_setup.h"
#include "adapters/system/random.h"
#include "core/base/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long a request waits for a connection. */
#define UNCONNECTED_WAIT_MS 1000

/*
 * How long a server may leave a request unanswered.  Its statement_timeout ends each statement sooner, so a
 * silent server is frozen or unreachable.
 */
#define ANSWER_TIMEOUT_MS 8000

/* The time limit for applying settings and preparing statements; a lock ends this sooner. */
#define PREPARE_TIMEOUT_MS 8000

/* When a connection starts (enum session_start), after it was made. */
#define NEXT_MS   5
#define LAST_MS   200
#define UNUSED_MS 500

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS   1000

static void on_io(evutil_socket_t fd, short what, void *context);
static void on_timer(evutil_socket_t fd, short what, void *context);
static void on_request_timer(evutil_socket_t fd, short what, void *context);

/* ---- helpers ---- */

void pg_connection_set_timer(struct event *timer, int64_t delay_ms)
{
	const struct timeval delay = {delay_ms / 1000, (suseconds_t)(delay_ms % 1000) * 1000};

	evtimer_add(timer, &delay);
}

static void unwatch(struct pg_connection *connection)
{
	if (connection->io)
		event_free(connection->io);
	connection->io = NULL;
	connection->watched = 0;
}

static void watch(struct pg_connection *connection, short what)
{
	if (what == connection->watched)
		return;
	unwatch(connection);
	connection->io = must(event_new(connection->config.base, PQsocket(connection->pg),
					(short)(what | EV_PERSIST), on_io, connection));
	event_add(connection->io, NULL);
	connection->watched = what;
}

static void log_error(struct pg_connection *connection, const char *message)
{
	if (!strcmp(connection->last_error, connection->error.text))
		return;
	snprintf(connection->last_error, sizeof connection->last_error, "%s", connection->error.text);
	LOG(connection->config.logger, LOG_WARN, message, LOG_TROUBLE(LOG_DATABASE),
	    LOG_TEXT("connection", connection->config.name), LOG_TEXT("error", connection->error.text));
}

/* ---- requests ---- */

/* Whether requests wait for the answer to another request, and not for a connection. */
static bool sends_one_at_a_time(const struct pg_connection *connection)
{
	return connection_is_pooled(connection) && pg_connection_has_session(connection);
}

static struct pg_request *new_request(struct pg_connection *connection, struct query_pipeline *pipeline,
				      enum query_pipeline_effect effect, query_pipeline_done *done,
				      void *context)
{
	struct pg_request *request = must_alloc(sizeof *request);

	*request = (struct pg_request){.connection = connection,
				       .pipeline = pipeline,
				       .effect = effect,
				       .done = done,
				       .context = context};
	evtimer_assign(&request->timer, connection->config.base, on_request_timer, request);
	return request;
}

void pg_connection_run_first(struct pg_connection *connection, struct query_pipeline *pipeline,
			     query_pipeline_done *done, void *context)
{
	pg_request_queue_push_first(&connection->requests,
				    new_request(connection, pipeline, PIPELINE_READS, done, context));
	pg_connection_send_requests(connection);
}

void pg_connection_run(struct pg_connection *connection, struct query_pipeline *pipeline,
		       enum query_pipeline_effect effect, query_pipeline_done *done, void *context)
{
	struct pg_request *request = new_request(connection, pipeline, effect, done, context);

	pg_request_queue_push(&connection->requests, request);
	if (connection->is_unused)
		pg_connection_set_timer(&connection->timer, 0);
	connection->is_unused = false;
	if (connection->state == CONNECTION_READY)
		pg_connection_send_requests(connection);
	if (!request->sent && !sends_one_at_a_time(connection))
		pg_connection_set_timer(&request->timer, UNCONNECTED_WAIT_MS);
}

/* ---- losing the connection, and waiting for the next attempt ---- */

/*
 * Removes the requests that were sent, which are the first ones, from the queue: they are lost.  A request
 * whose sync never left this process cannot have committed.
 */
static struct pg_request *remove_lost_requests(struct pg_connection *connection)
{
	bool all_flushed = connection->pg && PQflush(connection->pg) == 0;
	struct pg_request *lost = NULL, **end = &lost;

	while (connection->requests.first && connection->requests.first->sent) {
		struct pg_request *request = connection->requests.first;

		pg_request_queue_remove(&connection->requests, request);
		if (!request->failed)
			pg_error_set(&request->error, FAILURE_RETRY, connection->error.text);
		if (request->effect == PIPELINE_COMMITS && !request->failed &&
		    (request->flushed || all_flushed))
			request->error.kind = FAILURE_UNCERTAIN;
		request->failed = true;
		*end = request;
		end = &request->next;
	}
	return lost;
}

/* Limits the wait of queued requests, which wait for a connection from now on. */
static void limit_connection_waits(struct pg_connection *connection)
{
	for (struct pg_request *request = connection->requests.first; request; request = request->next) {
		if (!evtimer_pending(&request->timer, NULL))
			pg_connection_set_timer(&request->timer, UNCONNECTED_WAIT_MS);
	}
}

/* Ends the session for the reason in connection->error. */
void pg_connection_lose(struct pg_connection *connection, bool silently)
{
	bool was_ready = connection->state == CONNECTION_READY;
	struct pg_request *lost = remove_lost_requests(connection);

	if (was_ready && connection->config.losses)
		++*connection->config.losses;
	connection_error_note(connection->config.connections, NULL);
	log_error(connection, was_ready ? "database connection lost" : "database not reachable");
	unwatch(connection);
	PQfinish(connection->pg);
	connection->pg = NULL;
	connection->broken = false;
	connection->given_up = NULL;
	connection_role_note(connection->role, was_ready, false);
	connection->state = CONNECTION_WAITING;
	pg_connection_set_timer(&connection->timer, backoff_next(&connection->backoff, system_random()));
	limit_connection_waits(connection);
	known_servers_exit(connection->config.servers, &connection->server, silently);
	while (lost) {
		struct pg_request *request = lost;

		lost = request->next;
		pg_request_answer(request);
	}
}

void pg_connection_lose_with(struct pg_connection *connection, enum failure_kind kind, const char *text)
{
	pg_error_set(&connection->error, kind, text);
	pg_connection_lose(connection, false);
}

static void lose_silent_server(struct pg_connection *connection)
{
	/* Behind a pooler the request may have waited for a session, so other connections may be fine. */
	pg_error_set(&connection->error, FAILURE_RETRY, "the server did not answer in time");
	pg_connection_lose(connection, !connection_is_pooled(connection));
}

void pg_connection_lose_after_libpq_error(struct pg_connection *connection)
{
	char text[PG_ERROR_TEXT_SIZE];

	conninfo_error(connection->pg, text, sizeof text);
	pg_connection_lose_with(connection, FAILURE_RETRY, text[0] ? text : "the connection broke");
}

/* ---- connecting ---- */

/* Behind a pooler nothing is prepared, because other clients would get it with the session. */
static bool send_setup(struct pg_connection *connection)
{
	return connection_is_pooled(connection) || session_send_setup(connection->pg, connection->config.use);
}

static void prepare_session(struct pg_connection *connection)
{
	connection->state = connection_is_pooled(connection) ? CONNECTION_IDENTIFYING : CONNECTION_PREPARING;
	connection->mark = 0;
	pg_error_set(&connection->error, FAILURE_RETRY, "");
	pg_error_set(&connection->termination, FAILURE_RETRY, "");
	connection->server.identity = (struct server_identity){0};
	pg_connection_set_timer(&connection->timer, PREPARE_TIMEOUT_MS);
	if (PQsetnonblocking(connection->pg, 1) || !PQenterPipelineMode(connection->pg) ||
	    !send_setup(connection) || !session_send_identify(connection->pg)) {
		pg_connection_lose_after_libpq_error(connection);
		return;
	}
	watch(connection, EV_READ | EV_WRITE);
}

static void on_connected(void *context, PGconn *pg, const char *key, const struct pg_error *error)
{
	struct pg_connection *connection = context;

	connection->connector = NULL;
	if (!pg) {
		pg_connection_lose_with(connection, error->kind, error->text);
		return;
	}
	connection->pg = pg;
	snprintf(connection->server.key, sizeof connection->server.key, "%s", key);
	prepare_session(connection);
}

static void connect_now(struct pg_connection *connection)
{
	connection->state = CONNECTION_CONNECTING;
	connection->is_unused = false;
	connection->connector = connector_start(
		&(struct connector_config){
			.base = connection->config.base,
			.url = &connection->config.url,
			.servers = connection->config.servers,
			.is_dry_run = connection->config.use & FOR_DRY_RUNS,
		},
		on_connected, connection);
}

void pg_connection_become_ready(struct pg_connection *connection)
{
	bool was_in_error = connection->last_error[0];

	if (!known_servers_enter(connection->config.servers, &connection->server)) {
		pg_connection_lose_with(
			connection, FAILURE_RETRY,
			"this is an old primary, because other sessions of this worker are on a newer"
			" timeline or another database system; after restoring a backup, restart the worker");
		return;
	}
	evtimer_del(&connection->timer);
	connection_role_note(connection->role, false, true);
	connection->state = CONNECTION_READY;
	connection->last_error[0] = '\0';
	if (was_in_error)
		LOG(connection->config.logger, LOG_INFO, "connected to the database again",
		    LOG_OVER(LOG_DATABASE), LOG_TEXT("connection", connection->config.name));
	else
		LOG(connection->config.logger, LOG_DEBUG, "connected to the database",
		    LOG_TEXT("connection", connection->config.name));
	pg_connection_send_requests(connection);
}

/* ---- sending ---- */

bool pg_connection_expects_answer(const struct pg_connection *connection)
{
	return connection->state == CONNECTION_PREPARING || connection->state == CONNECTION_IDENTIFYING ||
	       (connection->state == CONNECTION_READY && connection->requests.first &&
		connection->requests.first->sent);
}

static bool send_request(struct pg_connection *connection, struct pg_request *request)
{
	enum query_form form = connection_is_pooled(connection) ? QUERY_WHOLE : QUERY_PREPARED;

	request->sent = true;
	evtimer_del(&request->timer);
	if (connection_is_pooled(connection))
		pg_connection_fit_request(connection, request);
	for (size_t i = 0; i < request->pipeline->count; i++) {
		struct query *query = request->pipeline->queries[i];

		if (!query_is_idle(query) && !query_send(connection->pg, query, form))
			return false;
	}
	return PQpipelineSync(connection->pg);
}

bool pg_connection_flush(struct pg_connection *connection)
{
	int rest = PQflush(connection->pg);

	if (rest < 0)
		return false;
	watch(connection, rest ? EV_READ | EV_WRITE : EV_READ);
	for (struct pg_request *request = connection->requests.first; request && request->sent && !rest;
	     request = request->next)
		request->flushed = true;
	return true;
}

/* Reports the loss from the event loop, never within pg_connection_run(). */
static void lose_later(struct pg_connection *connection)
{
	connection->broken = true;
	pg_connection_set_timer(&connection->timer, 0);
}

void pg_connection_send_requests(struct pg_connection *connection)
{
	bool went_well = true;

	if (connection->broken)
		return;
	if (!pg_connection_expects_answer(connection))
		pg_connection_set_timer(&connection->timer, connection->config.answer_timeout_ms);
	for (struct pg_request *request = connection->requests.first; request && went_well;
	     request = request->next) {
		if (!request->sent &&
		    (request == connection->requests.first || !connection_is_pooled(connection)))
			went_well = send_request(connection, request);
	}
	if (!went_well || !pg_connection_flush(connection))
		lose_later(connection);
}

/* ---- what the event loop calls ---- */

static void on_io(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	pg_connection_exchange(context, what);
}

static void on_ready_timer(struct pg_connection *connection)
{
	if (connection->given_up)
		pg_connection_lose_with(connection, FAILURE_RETRY, connection->given_up);
	else if (connection->broken)
		pg_connection_lose_broken(connection);
	else if (pg_connection_expects_answer(connection))
		lose_silent_server(connection);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct pg_connection *connection = context;

	(void)fd, (void)what;
	switch (connection->state) {
	case CONNECTION_WAITING:
		connect_now(connection);
		break;
	case CONNECTION_CONNECTING: /* the connector has timers of its own */
		break;
	case CONNECTION_PREPARING:
	case CONNECTION_IDENTIFYING:
		known_servers_suspect(connection->config.servers, connection->server.key);
		pg_connection_lose_with(connection, FAILURE_RETRY, "the server did not answer in time");
		break;
	case CONNECTION_READY:
		on_ready_timer(connection);
		break;
	}
}

static void on_given_up(void *context, const char *reason)
{
	struct pg_connection *connection = context;

	connection->given_up = reason;
	lose_later(connection);
}

static void on_request_timer(evutil_socket_t fd, short what, void *context)
{
	struct pg_request *request = context;
	struct pg_connection *connection = request->connection;

	(void)fd, (void)what;
	pg_request_queue_remove(&connection->requests, request);
	request->failed = true;
	pg_error_set(&request->error, connection->error.kind,
		     connection->last_error[0] ? connection->last_error : "not connected yet");
	pg_request_answer(request);
}

/* ---- lifetime ---- */

struct pg_connection *pg_connection_new(const struct pg_connection_config *config)
{
	static const int delays_ms[] = {
		[STARTS_NEXT] = NEXT_MS, [STARTS_LAST] = LAST_MS, [STARTS_WHEN_USED] = UNUSED_MS};
	struct pg_connection *connection = must_alloc(sizeof *connection);

	connection->config = *config;
	connection->config.name = must(strdup(config->name));
	if (config->use & FOR_DRY_RUNS)
		connection->config.url.pooled = false; /* it lives in its session: see dry_run_commits.h */
	if (!config->answer_timeout_ms)
		connection->config.answer_timeout_ms = ANSWER_TIMEOUT_MS;
	connection->backoff = (struct backoff){.first_ms = BACKOFF_FIRST_MS, .cap_ms = BACKOFF_MAX_MS};
	connection->server = (struct server_user){
		.give_up = on_given_up, .context = connection, .is_store = config->use & FOR_STORES};
	connection->role = connection_role_join(config->connections, config->name);
	known_servers_join(config->servers, &connection->server);
	evtimer_assign(&connection->timer, config->base, on_timer, connection);
	connection->is_unused = config->start == STARTS_WHEN_USED;
	pg_connection_set_timer(&connection->timer, delays_ms[config->start]);
	return connection;
}

void pg_connection_free(struct pg_connection **pointer)
{
	struct pg_connection *connection = *pointer;

	if (!connection)
		return;
	while (connection->requests.first) {
		struct pg_request *request = connection->requests.first;

		pg_request_queue_remove(&connection->requests, request);
		pg_request_free(request);
	}
	connection_role_leave(connection->role, connection->state == CONNECTION_READY);
	known_servers_leave(&connection->server);
	connector_cancel(&connection->connector);
	pg_connection_drop_rollback(connection);
	unwatch(connection);
	evtimer_del(&connection->timer);
	PQfinish(connection->pg);
	free((void *)(uintptr_t)connection->config.name);
	free(connection);
	*pointer = NULL;
}

bool pg_connection_defers_triggers(const struct pg_connection *connection)
{
	return connection->defers_triggers;
}

bool pg_connection_server(const struct pg_connection *connection, const char **host, const char **port,
			  const char **database)
{
	*host = PQhost(connection->pg);
	*port = PQport(connection->pg);
	*database = PQdb(connection->pg);
	return connection->state == CONNECTION_READY && *host && *port;
}

bool pg_connection_has_session(const struct pg_connection *connection)
{
	return connection->state == CONNECTION_READY && !connection->broken;
}
