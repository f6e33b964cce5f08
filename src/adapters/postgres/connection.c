/* From the first connect to the last answer, in time order. */
#include "adapters/postgres/connection.h"

#include "adapters/postgres/conninfo.h"
#include "adapters/postgres/job.h"
#include "adapters/postgres/session.h"
#include "adapters/postgres/sqlstate.h"
#include "core/utf8.h"

#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long a segment waits for a connection. */
#define UNCONNECTED_WAIT_MS 1000

/* The server gives up sooner, by its statement_timeout; but it may be gone without a word. */
#define ANSWER_TIMEOUT_MS 15000

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS   5000

enum connection_state {
	CONNECTION_WAITING,    /* for the time to try again */
	CONNECTION_CONNECTING, /* for libpq, until the server has let us in */
	CONNECTION_PREPARING,  /* for the session's settings and statements */
	CONNECTION_READY,      /* for work */
};

struct connection {
	struct connection_config config;
	enum connection_state state;
	PGconn *pg;
	struct event *io;
	short watched;
	/* WAITING: for the next attempt; CONNECTING, PREPARING: it takes too long; READY: sending failed. */
	struct event timer;
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
	connection->io = event_new(connection->config.base, PQsocket(connection->pg),
				   (short)(what | EV_PERSIST), on_io, connection);
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
	struct job *job = calloc(1, sizeof *job);

	if (!job)
		abort();
	*job = (struct job){.connection = connection,
			    .segment = segment,
			    .effect = effect,
			    .done = done,
			    .context = context};
	evtimer_assign(&job->timer, connection->config.base, on_job_timer, job);
	set_timer(&job->timer, UNCONNECTED_WAIT_MS);
	job_queue_push(&connection->jobs, job);
	if (connection->state == CONNECTION_READY)
		send_jobs(connection);
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
static void lose(struct connection *connection)
{
	bool was_ready = connection->state == CONNECTION_READY;
	struct job *lost = take_lost_jobs(connection);

	if (was_ready && connection->config.losses)
		++*connection->config.losses;
	log_trouble(connection, was_ready ? "database connection lost" : "database not reachable");
	unwatch(connection);
	PQfinish(connection->pg);
	connection->pg = NULL;
	enter_waiting(connection);
	while (lost) {
		struct job *job = lost;

		lost = job->next;
		job_answer(job);
	}
}

static void lose_because(struct connection *connection, enum failure_kind kind, const char *text)
{
	trouble_set(&connection->trouble, kind, text);
	lose(connection);
}

static void lose_as_libpq_says(struct connection *connection)
{
	char text[TROUBLE_TEXT_SIZE];

	conninfo_error(connection->pg, text, sizeof text);
	lose_because(connection, FAILURE_RETRY, text[0] ? text : "the connection broke");
}

/* ---- connecting ---- */

/* libpq would print it. */
static void ignore_notice(void *context, const char *text)
{
	(void)context, (void)text;
}

static void connect_now(struct connection *connection)
{
	const char *defect;

	connection->pg = conninfo_connect_start(connection->config.conninfo, &defect);
	if (!connection->pg) {
		lose_because(connection, FAILURE_FATAL, defect);
		return;
	}
	if (PQstatus(connection->pg) == CONNECTION_BAD) {
		lose_as_libpq_says(connection);
		return;
	}
	PQsetNoticeProcessor(connection->pg, ignore_notice, NULL);
	connection->state = CONNECTION_CONNECTING;
	set_timer(&connection->timer, conninfo_connect_timeout_ms(connection->pg));
	watch(connection, EV_WRITE); /* as if PQconnectPoll had asked for it */
}

static void prepare_session(struct connection *connection)
{
	const char *defect = session_defect(connection->pg);

	if (defect) {
		lose_because(connection, FAILURE_FATAL, defect);
		return;
	}
	connection->state = CONNECTION_PREPARING;
	trouble_set(&connection->trouble, FAILURE_RETRY, "");
	trouble_set(&connection->farewell, FAILURE_RETRY, "");
	if (PQsetnonblocking(connection->pg, 1) || !PQenterPipelineMode(connection->pg) ||
	    !session_send_setup(connection->pg, connection->config.use)) {
		lose_as_libpq_says(connection);
		return;
	}
	watch(connection, EV_READ | EV_WRITE);
}

static void go_on_connecting(struct connection *connection)
{
	unwatch(connection); /* libpq may go on with another socket */
	switch (PQconnectPoll(connection->pg)) {
	case PGRES_POLLING_READING:
		watch(connection, EV_READ);
		break;
	case PGRES_POLLING_WRITING:
		watch(connection, EV_WRITE);
		break;
	case PGRES_POLLING_OK:
		prepare_session(connection);
		break;
	case PGRES_POLLING_FAILED:
	case PGRES_POLLING_ACTIVE:
	default:
		lose_as_libpq_says(connection);
	}
}

static void become_ready(struct connection *connection)
{
	enum log_level level = connection->logged[0] ? LOG_INFO : LOG_DEBUG;

	evtimer_del(&connection->timer);
	connection->state = CONNECTION_READY;
	connection->logged[0] = '\0';
	LOG(connection->config.logger, level, "database connected",
	    LOG_TEXT("connection", connection->config.name));
	send_jobs(connection);
}

/* ---- sending ---- */

static bool send_job(struct connection *connection, struct job *job)
{
	job->sent = true;
	evtimer_del(&job->timer);
	set_timer(&job->timer, connection->config.answer_timeout_ms);
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

/* Called by whoever runs a segment, too: what goes wrong here is told from the event loop, by the timer. */
static void send_jobs(struct connection *connection)
{
	bool went_well = true;

	for (struct job *job = connection->jobs.first; job && went_well; job = job->next) {
		if (!job->sent)
			went_well = send_job(connection, job);
	}
	if (!went_well || !flush_output(connection))
		set_timer(&connection->timer, 0);
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

static void describe_error(const PGresult *result, struct trouble *trouble)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	trouble->kind = sqlstate_kind(sqlstate, PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME));
	utf8_format(trouble->text, sizeof trouble->text, "%s (SQLSTATE %s)",
		    text ? text : PQresultErrorMessage(result), sqlstate ? sqlstate : "unknown");
	conninfo_join_lines(trouble->text);
}

/* `job` is NULL while the session is being prepared. */
static void take_error(struct connection *connection, struct job *job, const PGresult *result)
{
	if (is_farewell(result)) {
		describe_error(result, &connection->farewell);
		return;
	}
	if (!job) {
		describe_error(result, &connection->trouble);
		connection->trouble.kind = FAILURE_RETRY;
		return;
	}
	if (job->failed)
		return;
	job->failed = true;
	job->ends_session = sqlstate_ends_session(PQresultErrorField(result, PG_DIAG_SQLSTATE));
	describe_error(result, &job->trouble);
}

/* A sync: what was sent before it is committed, or failed as a whole. */
static void finish_job(struct connection *connection, struct job *job)
{
	job_queue_remove(&connection->jobs, job);
	if (job->ends_session)
		lose_because(connection, FAILURE_RETRY, job->trouble.text);
	else if (!job->failed)
		connection->failures = 0;
	job_answer(job);
}

static void finish_setup(struct connection *connection)
{
	if (connection->trouble.text[0])
		lose(connection);
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

static bool expects_answer(const struct connection *connection)
{
	return connection->state == CONNECTION_PREPARING ||
	       (connection->state == CONNECTION_READY && connection->jobs.first &&
		connection->jobs.first->sent);
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
		describe_error(result, &connection->farewell);
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

	take_results(connection);
	if (!expects_answer(connection) && connection->state != CONNECTION_READY)
		return; /* lost on the way */
	if (!alive || PQstatus(connection->pg) != CONNECTION_OK || !flush_output(connection))
		lose_broken(connection);
}

/* ---- what the event loop calls ---- */

static void on_io(evutil_socket_t fd, short what, void *context)
{
	struct connection *connection = context;

	(void)fd;
	if (connection->state == CONNECTION_CONNECTING)
		go_on_connecting(connection);
	else
		exchange(connection, what);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct connection *connection = context;

	(void)fd, (void)what;
	switch (connection->state) {
	case CONNECTION_WAITING:
		connect_now(connection);
		break;
	case CONNECTION_CONNECTING:
	case CONNECTION_PREPARING:
		lose_because(connection, FAILURE_RETRY,
			     "the server did not answer in time to the attempt to connect");
		break;
	case CONNECTION_READY:
		lose_broken(connection);
		break;
	}
}

static void on_job_timer(evutil_socket_t fd, short what, void *context)
{
	struct job *job = context;
	struct connection *connection = job->connection;

	(void)fd, (void)what;
	if (job->sent) {
		lose_because(connection, FAILURE_RETRY, "the server did not answer in time");
		return;
	}
	job_queue_remove(&connection->jobs, job);
	job->failed = true;
	trouble_set(&job->trouble, connection->trouble.kind,
		    connection->trouble.text[0] ? connection->trouble.text : "not connected yet");
	job_answer(job);
}

/* ---- its life ---- */

struct connection *connection_new(const struct connection_config *config)
{
	struct connection *connection = calloc(1, sizeof *connection);

	if (!connection)
		abort();
	connection->config = *config;
	connection->config.conninfo = strdup(config->conninfo);
	connection->config.name = strdup(config->name);
	if (!config->answer_timeout_ms)
		connection->config.answer_timeout_ms = ANSWER_TIMEOUT_MS;
	evtimer_assign(&connection->timer, config->base, on_timer, connection);
	set_timer(&connection->timer, 0);
	return connection;
}

static void free_text(const char *text)
{
	free((void *)(uintptr_t)text);
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
	unwatch(connection);
	evtimer_del(&connection->timer);
	PQfinish(connection->pg);
	free_text(connection->config.conninfo);
	free_text(connection->config.name);
	free(connection);
	*pointer = NULL;
}

size_t connection_pending(const struct connection *connection)
{
	return connection->jobs.count;
}
