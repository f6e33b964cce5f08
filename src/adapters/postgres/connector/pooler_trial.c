/* Connects the rival, then asks both connections for their process, round after round. */
#include "adapters/postgres/connector/pooler_trial.h"

#include "core/base/must.h"

#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>

/* PgBouncer's SQLSTATE for everything that it does not support. */
#define PROTOCOL_VIOLATION "08P01"

/* In a busy pool a single round may detect nothing by chance. */
#define ROUNDS 12

enum trial_state {
	TRIAL_CONNECTING,   /* waits until the pooler admits the rival */
	TRIAL_ASKING_RIVAL, /* waits for the process that serves the rival's transaction */
	TRIAL_ASKING_FIRST, /* waits for the process that serves the first connection meanwhile */
	TRIAL_ENDING_RIVAL, /* waits for the end of the rival's transaction */
};

struct pooler_trial {
	struct event_base *base;
	PGconn *first, *rival;
	enum trial_state state;
	int backend;     /* that served the first connection last */
	int answer;      /* the process that the statement returned; 0: not known yet */
	bool is_refused; /* the pooler itself refused a transaction: it lends sessions for a statement only */
	int rounds;
	struct event *io;
	struct event timer;
	pooler_trial_done *done;
	void *context;
};

static void on_io(evutil_socket_t fd, short what, void *context);

static PGconn *active_connection(const struct pooler_trial *trial)
{
	return trial->state == TRIAL_ASKING_FIRST ? trial->first : trial->rival;
}

static void unwatch(struct pooler_trial *trial)
{
	if (trial->io)
		event_free(trial->io);
	trial->io = NULL;
}

static void watch(struct pooler_trial *trial, short what)
{
	unwatch(trial);
	trial->io = must(event_new(trial->base, PQsocket(active_connection(trial)),
				   (short)(what | EV_PERSIST), on_io, trial));
	event_add(trial->io, NULL);
}

void pooler_trial_cancel(struct pooler_trial **pointer)
{
	struct pooler_trial *trial = *pointer;

	if (!trial)
		return;
	unwatch(trial);
	evtimer_del(&trial->timer);
	PQfinish(trial->rival);
	free(trial);
	*pointer = NULL;
}

static void finish(struct pooler_trial *trial, enum pooling pooling)
{
	struct pooler_trial ended = *trial;

	pooler_trial_cancel(&trial);
	ended.done(ended.context, pooling);
}

/* ---- statements ---- */

static void finish_broken(struct pooler_trial *trial)
{
	finish(trial, trial->state == TRIAL_ASKING_FIRST ? POOLING_LOST : POOLS_SESSIONS);
}

static void send_statement(struct pooler_trial *trial, enum trial_state state, const char *sql)
{
	trial->state = state;
	trial->answer = 0;
	trial->is_refused = false;
	if (PQsendQuery(active_connection(trial), sql))
		watch(trial, EV_READ);
	else
		finish_broken(trial);
}

static void begin_round(struct pooler_trial *trial)
{
	if (trial->rounds++ == ROUNDS)
		finish(trial, POOLS_SESSIONS);
	else
		send_statement(trial, TRIAL_ASKING_RIVAL, "begin; select pg_backend_pid()");
}

static void handle_answer(struct pooler_trial *trial)
{
	switch (trial->state) {
	case TRIAL_CONNECTING:
		break;
	case TRIAL_ASKING_RIVAL:
		if (trial->answer == trial->backend)
			finish(trial, POOLS_TRANSACTIONS);
		else if (!trial->answer)
			finish(trial, POOLS_SESSIONS);
		else
			send_statement(trial, TRIAL_ASKING_FIRST, "select pg_backend_pid()");
		break;
	case TRIAL_ASKING_FIRST:
		if (trial->answer && trial->answer != trial->backend)
			finish(trial, POOLS_TRANSACTIONS);
		else
			send_statement(trial, TRIAL_ENDING_RIVAL, "rollback");
		break;
	case TRIAL_ENDING_RIVAL:
		begin_round(trial);
		break;
	}
}

/* ---- what the event loop calls ---- */

static void continue_connecting(struct pooler_trial *trial)
{
	unwatch(trial);
	switch (PQconnectPoll(trial->rival)) {
	case PGRES_POLLING_READING:
		watch(trial, EV_READ);
		break;
	case PGRES_POLLING_WRITING:
		watch(trial, EV_WRITE);
		break;
	case PGRES_POLLING_OK:
		begin_round(trial);
		break;
	case PGRES_POLLING_FAILED:
	case PGRES_POLLING_ACTIVE:
	default:
		finish(trial, POOLS_SESSIONS);
	}
}

/* Reads the available results; returns true after the last one. */
static bool read_results(struct pooler_trial *trial)
{
	PGconn *pg = active_connection(trial);
	PGresult *result = NULL;

	while (!PQisBusy(pg) && (result = PQgetResult(pg))) {
		const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

		if (PQresultStatus(result) == PGRES_TUPLES_OK)
			trial->answer = atoi(PQgetvalue(result, 0, 0));
		trial->is_refused = trial->is_refused || (sqlstate && !strcmp(sqlstate, PROTOCOL_VIOLATION));
		PQclear(result);
	}
	return !PQisBusy(pg) && !result;
}

static void receive(struct pooler_trial *trial)
{
	bool alive = PQconsumeInput(active_connection(trial)), all = read_results(trial);

	if (trial->state == TRIAL_ASKING_RIVAL && trial->is_refused)
		finish(trial, POOLS_TRANSACTIONS);
	else if (!alive || PQstatus(active_connection(trial)) != CONNECTION_OK)
		finish_broken(trial);
	else if (all)
		handle_answer(trial);
}

static void on_io(evutil_socket_t fd, short what, void *context)
{
	struct pooler_trial *trial = context;

	(void)fd, (void)what;
	if (trial->state == TRIAL_CONNECTING)
		continue_connecting(trial);
	else
		receive(trial);
}

/* The time is up: the rival or the first connection waits for a session, because clients hold all of them. */
static void on_timer(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	finish_broken(context);
}

struct pooler_trial *pooler_trial_start(struct event_base *base, PGconn *pg, int backend, PGconn *rival,
					pooler_trial_done *done, void *context)
{
	struct pooler_trial *trial = must_alloc(sizeof *trial);
	const struct timeval limit = {POOLER_TRIAL_MS / 1000, POOLER_TRIAL_MS % 1000 * 1000};

	*trial = (struct pooler_trial){
		.base = base,
		.first = pg,
		.rival = rival,
		.state = TRIAL_CONNECTING,
		.backend = backend,
		.done = done,
		.context = context,
	};
	evtimer_assign(&trial->timer, base, on_timer, trial);
	evtimer_add(&trial->timer, &limit);
	watch(trial, EV_WRITE); /* as if PQconnectPoll had asked for it */
	return trial;
}
