/* From the first connect to the last answer, in time order. */
#include "adapters/postgres/connection.h"

#include "adapters/postgres/connector.h"
#include "adapters/postgres/conninfo.h"
#include "adapters/postgres/job.h"
#include "adapters/postgres/session.h"
#include "adapters/postgres/sqlstate.h"
#include "core/must.h"

#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long a segment waits for a connection. */
#define UNCONNECTED_WAIT_MS 1000

/*
 * How long a server may be silent that owes an answer.  Its statement_timeout ends each statement sooner, so it is
 * frozen, or gone without a word.
 */
#define ANSWER_TIMEOUT_MS 8000

/* For the settings and the statements of a session, which wait for nobody. */
#define PREPARE_TIMEOUT_MS 8000

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS   5000

enum connection_state {
	CONNECTION_WAITING,     /* for the time to try again */
	CONNECTION_CONNECTING,  /* for the connector, until a server has let us in */
	CONNECTION_PREPARING,   /* for the session's settings and statements, */
	CONNECTION_IDENTIFYING, /* and for which server it is */
	CONNECTION_READY,       /* for work */
};

struct connection {
	struct connection_config config;
	enum connection_state state;
	struct connector *connector;
	PGconn *pg;
	struct server_user server; /* which one the session is on */
	struct event *io;
	short watched;
	/* WAITING: for the next attempt; then: the server is silent for too long; READY: or see `broken`. */
	struct event timer;
	bool broken; /* sending failed, or `given_up` says that the session is of no more use */
	const char *given_up;
	struct job_queue jobs;
	unsigned failures;              /* attempts since the last segment that succeeded */
	struct trouble trouble;         /* why there is, or was, no connection */
	struct trouble farewell;        /* what the server said before it ended the session */
	char logged[TROUBLE_TEXT_SIZE]; /* the trouble that the log tells already */
};

static void on_io(evutil_socket_t fd, short what, void *context);
static void on_timer(evutil_socket_t fd, short what, void *context);
static void on_job_timer(evutil_socket_t fd, short what, void *context);
static void send_jobs(struct connection *connection);

/* ---- helpers ---- */

static void set_timer(struct event *timer, int64_t delay_ms)
{
	const struct timeval delay = {delay_ms / 1000, (suseconds_t)(delay_ms % 1000) * 1000};

	evtimer_add(timer, &delay);
}

static void unwatch(struct connection *connection)
{
	if (connection->io)
		event_free(connection->io);
	connection->io = NULL;
	connection->watched = 0;
}

static void watch(struct connection *connection, short what)
{
	if (what == connection->watched)
		return;
	unwatch(connection);
	connection->io = must(event_new(connection->config.base, PQsocket(connection->pg),
					(short)(what | EV_PERSIST), on_io, connection));
	event_add(connection->io, NULL);
	connection->watched = what;
}

static void log_trouble(struct connection *connection, const char *message)
{
	if (!strcmp(connection->logged, connection->trouble.text))
		return;
	snprintf(connection->logged, sizeof connection->logged, "%s", connection->trouble.text);
	LOG(connection->config.logger, LOG_WARN, message, LOG_TEXT("connection", connection->config.name),
	    LOG_TEXT("reason", connection->trouble.text));
}

/* ---- giving it work ---- */

void connection_run(struct connection *connection, struct segment *segment, enum segment_effect effect,
		    segment_done *done, void *context)
{
	struct job *job = must_alloc(sizeof *job);

	*job = (struct job){.connection = connection,
			    .segment = segment,
			    .effect = effect,
			    .done = done,
			    .context = context};
	evtimer_assign(&job->timer, connection->config.base, on_job_timer, job);
	job_queue_push(&connection->jobs, job);
	if (connection->state == CONNECTION_READY)
		send_jobs(connection);
	if (!job->sent)
		set_timer(&job->timer, UNCONNECTED_WAIT_MS);
}

/* ---- losing the connection, and waiting for the next attempt ---- */

static void enter_waiting(struct connection *connection)
{
	int64_t delay = BACKOFF_FIRST_MS;
	unsigned char chance;

	for (unsigned i = 0; i < connection->failures && delay < BACKOFF_MAX_MS; i++)
		delay *= 2;
	if (delay > BACKOFF_MAX_MS)
		delay = BACKOFF_MAX_MS;
	evutil_secure_rng_get_bytes(&chance, sizeof chance);
	connection->failures++;
	connection->state = CONNECTION_WAITING;
	set_timer(&connection->timer, delay / 2 + delay * chance / 512);
}

/*
 * Takes the jobs that were sent, which are the first ones, out of the queue: they are lost.  One whose sync
 * never left this process cannot have committed.
 */
static struct job *take_lost_jobs(struct connection *connection)
{
	bool all_flushed = connection->pg && PQflush(connection->pg) == 0;
	struct job *lost = NULL, **end = &lost;

	while (connection->jobs.first && connection->jobs.first->sent) {
		struct job *job = connection->jobs.first;

		job_queue_remove(&connection->jobs, job);
		if (!job->failed)
			trouble_set(&job->trouble, FAILURE_RETRY, connection->trouble.text);
		if (job->effect == SEGMENT_COMMITS && !job->failed && (job->flushed || all_flushed))
			job->trouble.kind = FAILURE_UNCERTAIN;
		job->failed = true;
		*end = job;
		end = &job->next;
	}
	return lost;
}

/* The connection is of no more use, for the reason that connection->trouble tells. */
static void lose(struct connection *connection, bool silently)
{
	bool was_ready = connection->state == CONNECTION_READY;
	struct job *lost = take_lost_jobs(connection);

	if (was_ready && connection->config.losses)
		++*connection->config.losses;
	log_trouble(connection, was_ready ? "database connection lost" : "database not reachable");
	unwatch(connection);
	PQfinish(connection->pg);
	connection->pg = NULL;
	connection->broken = false;
	connection->given_up = NULL;
	enter_waiting(connection);
	servers_exit(connection->config.servers, &connection->server, silently);
	while (lost) {
		struct job *job = lost;

		lost = job->next;
		job_answer(job);
	}
}

static void lose_because(struct connection *connection, enum failure_kind kind, const char *text)
{
	trouble_set(&connection->trouble, kind, text);
	lose(connection, false);
}

static void lose_silent(struct connection *connection)
{
	trouble_set(&connection->trouble, FAILURE_RETRY, "the server did not answer in time");
	lose(connection, true);
}

static void lose_as_libpq_says(struct connection *connection)
{
	char text[TROUBLE_TEXT_SIZE];

	conninfo_error(connection->pg, text, sizeof text);
	lose_because(connection, FAILURE_RETRY, text[0] ? text : "the connection broke");
}

/* ---- connecting ---- */

static void prepare_session(struct connection *connection)
{
	connection->state = CONNECTION_PREPARING;
	trouble_set(&connection->trouble, FAILURE_RETRY, "");
	trouble_set(&connection->farewell, FAILURE_RETRY, "");
	connection->server.identity = (struct server_identity){0};
	set_timer(&connection->timer, PREPARE_TIMEOUT_MS);
	if (PQsetnonblocking(connection->pg, 1) || !PQenterPipelineMode(connection->pg) ||
	    !session_send_setup(connection->pg, connection->config.use) ||
	    !session_send_identify(connection->pg)) {
		lose_as_libpq_says(connection);
		return;
	}
	watch(connection, EV_READ | EV_WRITE);
}

static void on_connected(void *context, PGconn *pg, const char *key, const struct trouble *trouble)
{
	struct connection *connection = context;

	connection->connector = NULL;
	if (!pg) {
		lose_because(connection, trouble->kind, trouble->text);
		return;
	}
	connection->pg = pg;
	snprintf(connection->server.key, sizeof connection->server.key, "%s", key);
	prepare_session(connection);
}

static void connect_now(struct connection *connection)
{
	connection->state = CONNECTION_CONNECTING;
	connection->connector =
		connector_start(&(struct connector_config){connection->config.base, &connection->config.url,
							   connection->config.servers, false},
				on_connected, connection);
}

static void become_ready(struct connection *connection)
{
	enum log_level level = connection->logged[0] ? LOG_INFO : LOG_DEBUG;

	if (!servers_enter(connection->config.servers, &connection->server)) {
		lose_because(connection, FAILURE_RETRY,
			     "an old primary that must not be used any more: other sessions are on a newer"
			     " timeline or another system; where a backup was restored, restart the worker");
		return;
	}
	evtimer_del(&connection->timer);
	connection->state = CONNECTION_READY;
	connection->logged[0] = '\0';
	LOG(connection->config.logger, level, "database connected",
	    LOG_TEXT("connection", connection->config.name));
	send_jobs(connection);
}

/* ---- sending ---- */

static bool expects_answer(const struct connection *connection)
{
	return connection->state == CONNECTION_PREPARING || connection->state == CONNECTION_IDENTIFYING ||
	       (connection->state == CONNECTION_READY && connection->jobs.first &&
		connection->jobs.first->sent);
}

static bool send_job(struct connection *connection, struct job *job)
{
	job->sent = true;
	evtimer_del(&job->timer);
	for (size_t i = 0; i < job->segment->count; i++) {
		struct query *query = job->segment->queries[i];

		if (!query_is_idle(query) && !query_send(connection->pg, query))
			return false;
	}
	return PQpipelineSync(connection->pg);
}

/* Sends as much as the socket takes; false when the connection is broken. */
static bool flush_output(struct connection *connection)
{
	int rest = PQflush(connection->pg);

	if (rest < 0)
		return false;
	watch(connection, rest ? EV_READ | EV_WRITE : EV_READ);
	for (struct job *job = connection->jobs.first; job && job->sent && !rest; job = job->next)
		job->flushed = true;
	return true;
}

/* What goes wrong is told from the event loop, by the timer, for whoever runs a segment calls this, too. */
static void break_later(struct connection *connection)
{
	connection->broken = true;
	set_timer(&connection->timer, 0);
}

static void send_jobs(struct connection *connection)
{
	bool went_well = true;

	if (connection->broken)
		return;
	if (!expects_answer(connection))
		set_timer(&connection->timer, connection->config.answer_timeout_ms);
	for (struct job *job = connection->jobs.first; job && went_well; job = job->next) {
		if (!job->sent)
			went_well = send_job(connection, job);
	}
	if (!went_well || !flush_output(connection))
		break_later(connection);
}

/* ---- answers ---- */

/*
 * The last words of a session that the server ends: they are no answer, for a commit may have come before
 * them.
 */
static bool is_farewell(const PGresult *result)
{
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);

	return severity && (!strcmp(severity, "FATAL") || !strcmp(severity, "PANIC"));
}

/* `job` is NULL while the session is being prepared. */
static void take_error(struct connection *connection, struct job *job, const PGresult *result)
{
	if (is_farewell(result)) {
		trouble_set_error(&connection->farewell, result);
		return;
	}
	if (connection->state == CONNECTION_IDENTIFYING)
		return; /* a server that does not say which one it is */
	if (!job) {
		trouble_set_error(&connection->trouble, result);
		connection->trouble.kind = FAILURE_RETRY;
		return;
	}
	if (job->failed)
		return;
	job->failed = true;
	job->ends_session = sqlstate_ends_session(PQresultErrorField(result, PG_DIAG_SQLSTATE));
	trouble_set_error(&job->trouble, result);
}

/* Why the session is of no more use though it lives, or NULL. */
static const char *reason_to_leave(const struct connection *connection, const struct job *job)
{
	if (connection->given_up)
		return connection->given_up;
	if (job->ends_session)
		return job->trouble.text;
	return session_refuses_writes(connection->pg);
}

/* What was read on a server that may be out of date is not believed, nor that what it committed lasts. */
static void doubt(const struct connection *connection, struct job *job, const char *reason)
{
	if (job->failed || (job->effect == SEGMENT_COMMITS && !connection->given_up))
		return;
	trouble_set(&job->trouble, job->effect == SEGMENT_COMMITS ? FAILURE_UNCERTAIN : FAILURE_RETRY,
		    reason);
	job->failed = true;
}

/* A sync: what was sent before it is committed, or failed as a whole. */
static void finish_job(struct connection *connection, struct job *job)
{
	const char *reason = reason_to_leave(connection, job);

	job_queue_remove(&connection->jobs, job);
	if (reason)
		doubt(connection, job, reason);
	if (reason && session_refuses_writes(connection->pg))
		servers_suspect(connection->config.servers, connection->server.key);
	if (reason)
		lose_because(connection, FAILURE_RETRY, reason);
	else if (!job->failed)
		connection->failures = 0;
	job_answer(job);
}

/* A sync of the two that end the preparation. */
static void finish_setup(struct connection *connection)
{
	if (connection->trouble.text[0])
		lose(connection, false);
	else if (connection->state == CONNECTION_PREPARING)
		connection->state = CONNECTION_IDENTIFYING;
	else
		become_ready(connection);
}

/* `job` is NULL while the session is being prepared. */
static void take_result(struct connection *connection, struct job *job, PGresult *result)
{
	struct query *query = job ? job_current_query(job) : NULL;

	switch (PQresultStatus(result)) {
	case PGRES_TUPLES_OK:
	case PGRES_COMMAND_OK:
		if (query) {
			query->result = result;
			return;
		}
		if (connection->state == CONNECTION_IDENTIFYING)
			connection->server.identity = session_identity(result);
		break;
	case PGRES_FATAL_ERROR:
		take_error(connection, job, result);
		break;
	case PGRES_PIPELINE_SYNC:
		PQclear(result);
		if (job)
			finish_job(connection, job);
		else
			finish_setup(connection);
		return;
	case PGRES_PIPELINE_ABORTED: /* an error came before */
	case PGRES_NONFATAL_ERROR:
	case PGRES_EMPTY_QUERY:
	case PGRES_COPY_OUT:
	case PGRES_COPY_IN:
	case PGRES_COPY_BOTH:
	case PGRES_BAD_RESPONSE:
	case PGRES_SINGLE_TUPLE:
	default:
		break;
	}
	PQclear(result);
}

/*
 * Takes every result that is there.  A result ends with NULL, but for a sync; a dead connection never
 * delivers the sync.
 */
static void take_results(struct connection *connection)
{
	while (expects_answer(connection) && PQstatus(connection->pg) == CONNECTION_OK &&
	       !PQisBusy(connection->pg)) {
		struct job *job = connection->state == CONNECTION_READY ? connection->jobs.first : NULL;
		PGresult *result = PQgetResult(connection->pg);

		if (result)
			take_result(connection, job, result);
		else if (job && job_current_query(job))
			job->answered++;
	}
}

/* The server may have said why it went. */
static void take_farewell(struct connection *connection)
{
	PGresult *result = PQisBusy(connection->pg) ? NULL : PQgetResult(connection->pg);

	if (result && is_farewell(result))
		trouble_set_error(&connection->farewell, result);
	PQclear(result);
}

static void lose_broken(struct connection *connection)
{
	take_farewell(connection);
	if (connection->farewell.text[0])
		lose_because(connection, FAILURE_RETRY, connection->farewell.text);
	else
		lose_as_libpq_says(connection);
}

static void exchange(struct connection *connection, short what)
{
	bool alive = !(what & EV_READ) || PQconsumeInput(connection->pg);

	if ((what & EV_READ) && connection->state == CONNECTION_READY && !connection->broken)
		set_timer(&connection->timer, connection->config.answer_timeout_ms);
	take_results(connection);
	if (!expects_answer(connection) && connection->state != CONNECTION_READY)
		return; /* lost on the way */
	if (!alive || PQstatus(connection->pg) != CONNECTION_OK || !flush_output(connection))
		lose_broken(connection);
}

/* ---- what the event loop calls ---- */

static void on_io(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	exchange(context, what);
}

static void on_ready_timer(struct connection *connection)
{
	if (connection->given_up)
		lose_because(connection, FAILURE_RETRY, connection->given_up);
	else if (connection->broken)
		lose_broken(connection);
	else if (expects_answer(connection))
		lose_silent(connection);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct connection *connection = context;

	(void)fd, (void)what;
	switch (connection->state) {
	case CONNECTION_WAITING:
		connect_now(connection);
		break;
	case CONNECTION_CONNECTING: /* the connector has timers of its own */
		break;
	case CONNECTION_PREPARING:
	case CONNECTION_IDENTIFYING:
		servers_suspect(connection->config.servers, connection->server.key);
		lose_because(connection, FAILURE_RETRY, "the server did not answer in time");
		break;
	case CONNECTION_READY:
		on_ready_timer(connection);
		break;
	}
}

static void on_given_up(void *context, const char *reason)
{
	struct connection *connection = context;

	connection->given_up = reason;
	break_later(connection);
}

static void on_job_timer(evutil_socket_t fd, short what, void *context)
{
	struct job *job = context;
	struct connection *connection = job->connection;

	(void)fd, (void)what;
	job_queue_remove(&connection->jobs, job);
	job->failed = true;
	trouble_set(&job->trouble, connection->trouble.kind,
		    connection->trouble.text[0] ? connection->trouble.text : "not connected yet");
	job_answer(job);
}

/* ---- its life ---- */

struct connection *connection_new(const struct connection_config *config)
{
	struct connection *connection = must_alloc(sizeof *connection);

	connection->config = *config;
	connection->config.name = must(strdup(config->name));
	if (!config->answer_timeout_ms)
		connection->config.answer_timeout_ms = ANSWER_TIMEOUT_MS;
	connection->server = (struct server_user){
		.give_up = on_given_up, .context = connection, .is_store = config->use & FOR_STORE};
	servers_join(config->servers, &connection->server);
	evtimer_assign(&connection->timer, config->base, on_timer, connection);
	set_timer(&connection->timer, 0);
	return connection;
}

void connection_free(struct connection **pointer)
{
	struct connection *connection = *pointer;

	if (!connection)
		return;
	while (connection->jobs.first) {
		struct job *job = connection->jobs.first;

		job_queue_remove(&connection->jobs, job);
		job_free(job);
	}
	servers_leave(&connection->server);
	connector_cancel(&connection->connector);
	unwatch(connection);
	evtimer_del(&connection->timer);
	PQfinish(connection->pg);
	free((void *)(uintptr_t)connection->config.name);
	free(connection);
	*pointer = NULL;
}

size_t connection_pending(const struct connection *connection)
{
	return connection->jobs.count;
}
