/* libpq without blocking calls, and poll(). */
#include "adapters/postgres/tools/blocking_client.h"

#include "adapters/postgres/connector/connector.h"
#include "adapters/postgres/connector/conninfo.h"
#include "adapters/system/descriptors.h"
#include "adapters/system/instants.h"
#include "core/base/must.h"
#include "core/base/utf8.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* For an event loop, a name look-up, a spare session and a connection. */
#define DESCRIPTORS_NEEDED ((size_t)8)

int dialogue_rest_ms(const struct dialogue *dialogue)
{
	int64_t rest = dialogue->deadline_ms - now_ms();

	if (dialogue->deadline_ms == INT64_MAX)
		return -1;
	return rest < 0 ? 0 : rest > INT32_MAX ? INT32_MAX : (int)rest;
}

void dialogue_be_patient(struct dialogue *dialogue, int timeout_ms)
{
	dialogue->deadline_ms = now_ms() + timeout_ms;
}

void dialogue_wait_for_ever(struct dialogue *dialogue)
{
	dialogue->deadline_ms = INT64_MAX;
}

static bool fail(struct dialogue *dialogue, const char *text)
{
	utf8_format(dialogue->text, sizeof dialogue->text, "%s", text);
	conninfo_join_lines(dialogue->text);
	return false;
}

bool dialogue_fail(struct dialogue *dialogue, const char *text)
{
	dialogue->sqlstate[0] = '\0';
	return fail(dialogue, text);
}

/* What libpq says, which is nothing when the server did not answer at all. */
static bool fail_as_libpq_says(struct dialogue *dialogue)
{
	dialogue->sqlstate[0] = '\0';
	return fail(dialogue, PQerrorMessage(dialogue->pg));
}

static bool await_socket(struct dialogue *dialogue, short events)
{
	struct pollfd fd = {PQsocket(dialogue->pg), events, 0};
	int ready;

	do
		ready = poll(&fd, 1, dialogue_rest_ms(dialogue));
	while (ready < 0 && errno == EINTR);
	if (ready > 0)
		return true;
	dialogue->sqlstate[0] = '\0';
	return fail(dialogue, "the database did not answer in time");
}

bool dialogue_trouble_passes(const struct dialogue *dialogue)
{
	static const char *const passing[] = {"08", "40", "53", "55", "57", "25006"};

	if (dialogue->defect)
		return false;
	for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++) {
		if (strncmp(dialogue->sqlstate, passing[i], strlen(passing[i])) == 0)
			return true;
	}
	return !dialogue->sqlstate[0];
}

/* ---- connecting ---- */

/* What the connector's callback reports to dialogue_begin(), which waits for it. */
struct connecting {
	struct dialogue *dialogue;
	bool done, late;
	struct trouble trouble;
};

static void on_connected(void *context, PGconn *pg, const char *key, const struct trouble *trouble)
{
	struct connecting *connecting = context;

	(void)key;
	connecting->dialogue->pg = pg;
	connecting->done = true;
	if (!pg)
		connecting->trouble = *trouble;
}

static void on_late(evutil_socket_t fd, short what, void *context)
{
	struct connecting *connecting = context;

	(void)fd, (void)what;
	connecting->late = true;
}

/* Runs an event loop of its own until the connector is done or the time is over. */
static void connect_by(struct event_base *base, const struct connector_config *config,
		       struct connecting *connecting)
{
	int rest = dialogue_rest_ms(connecting->dialogue);
	struct connector *connector = connector_start(config, on_connected, connecting);
	struct event *late = must(evtimer_new(base, on_late, connecting));

	event_add(late, &(struct timeval){rest / 1000, rest % 1000 * 1000});
	while (!connecting->done && !connecting->late)
		event_base_loop(base, EVLOOP_ONCE);
	if (!connecting->done) {
		connector_describe(connector, &connecting->trouble);
		connecting->trouble.kind = FAILURE_RETRY;
		connector_cancel(&connector);
	}
	event_free(late);
}

/* libevent ends the process when it has no descriptor for its own use. */
static struct event_base *make_loop(void)
{
	return descriptors_free(DESCRIPTORS_NEEDED) < DESCRIPTORS_NEEDED ? NULL : event_base_new();
}

bool dialogue_begin(struct dialogue *dialogue, const struct url_source *given, enum dialogue_need need,
		    int timeout_ms)
{
	struct connecting connecting = {.dialogue = dialogue};
	struct event_base *base = make_loop();
	struct url_source url = *given;

	url.pooled = given->pooled && need != DIALOGUE_REHEARSES;
	*dialogue = (struct dialogue){.deadline_ms = now_ms() + timeout_ms, .pooled = url.pooled};
	if (!base)
		return fail(dialogue, "too few file descriptors are free to connect to the database");
	connect_by(base,
		   &(struct connector_config){
			   .base = base,
			   .url = &url,
			   .reads = need == DIALOGUE_READS,
			   .rehearses = need == DIALOGUE_REHEARSES,
		   },
		   &connecting);
	event_base_free(base);
	if (dialogue->pg)
		return true;
	fail(dialogue, connecting.trouble.text);
	if (connecting.trouble.kind == FAILURE_FATAL)
		dialogue->defect = dialogue->text;
	return false;
}

void dialogue_end(struct dialogue *dialogue)
{
	PQfinish(dialogue->pg);
	dialogue->pg = NULL;
}

/* ---- asking ---- */

/* False when the next result does not come in time. */
static bool await_result(struct dialogue *dialogue)
{
	while (PQisBusy(dialogue->pg)) {
		if (!await_socket(dialogue, POLLIN))
			return false;
		if (!PQconsumeInput(dialogue->pg))
			break; /* the next result says why */
	}
	return true;
}

static void note_error(struct dialogue *dialogue, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	fail(dialogue, PQresultErrorMessage(result));
	snprintf(dialogue->sqlstate, sizeof dialogue->sqlstate, "%s", sqlstate ? sqlstate : "");
}

static bool is_good(const PGresult *result)
{
	return PQresultStatus(result) == PGRES_TUPLES_OK || PQresultStatus(result) == PGRES_COMMAND_OK;
}

/* The last of several results, and whether one was an error. */
struct answers {
	PGresult *last;
	bool failed;
};

/* Of several errors the first is noted: those that follow it are often its consequences. */
static void add_result(struct dialogue *dialogue, struct answers *answers, PGresult *result)
{
	if (!is_good(result) && !answers->failed) {
		note_error(dialogue, result);
		answers->failed = true;
	}
	PQclear(answers->last);
	answers->last = result;
}

/* The last result when all have come and none is an error, and NULL otherwise. */
static PGresult *conclude(struct answers *answers, bool all_came)
{
	if (all_came && !answers->failed)
		return answers->last;
	PQclear(answers->last);
	return NULL;
}

/* NULL when not all results come, too: then it is not known what the server did of the statements. */
static PGresult *last_result(struct dialogue *dialogue)
{
	struct answers answers = {0};
	PGresult *result = NULL;
	bool in_time;

	while ((in_time = await_result(dialogue)) && (result = PQgetResult(dialogue->pg)))
		add_result(dialogue, &answers, result);
	if (in_time && !answers.failed && PQstatus(dialogue->pg) == CONNECTION_BAD)
		answers.failed = !fail_as_libpq_says(dialogue);
	return conclude(&answers, in_time);
}

/* ---- without limits of the database or the role, for one transaction ---- */

static const char unlimited[] = "select set_config(name, '0', true) from unnest(array['statement_timeout',"
				" 'lock_timeout', 'idle_in_transaction_session_timeout']) as settings (name)";

#define SET_UNLIMITED                                                                                        \
	"set local statement_timeout = 0; set local lock_timeout = 0;"                                       \
	" set local idle_in_transaction_session_timeout = 0"

/* The last result before the sync; NULL when one is an error, or the sync does not come. */
static PGresult *result_before_sync(struct dialogue *dialogue)
{
	struct answers answers = {0};
	bool synced = false, alive = true;

	while (!synced && alive && await_result(dialogue)) {
		PGresult *result = PQgetResult(dialogue->pg);

		synced = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
		alive = PQstatus(dialogue->pg) == CONNECTION_OK;
		if (result && !synced)
			add_result(dialogue, &answers, result);
		else
			PQclear(result);
	}
	if (!alive && !answers.failed)
		fail_as_libpq_says(dialogue);
	return conclude(&answers, synced);
}

/* Both statements are one transaction, and one round trip. */
static PGresult *ask_unlimited(struct dialogue *dialogue, const char *sql, int count,
			       const char *const *params)
{
	PGresult *result;

	if (!PQenterPipelineMode(dialogue->pg) ||
	    !PQsendQueryParams(dialogue->pg, unlimited, 0, NULL, NULL, NULL, NULL, 0) ||
	    !PQsendQueryParams(dialogue->pg, sql, count, NULL, params, NULL, NULL, 0) ||
	    !PQpipelineSync(dialogue->pg)) {
		fail_as_libpq_says(dialogue);
		return NULL;
	}
	result = result_before_sync(dialogue);
	PQexitPipelineMode(dialogue->pg);
	return result;
}

static bool is_between_transactions(const struct dialogue *dialogue)
{
	return PQtransactionStatus(dialogue->pg) == PQTRANS_IDLE;
}

PGresult *dialogue_ask(struct dialogue *dialogue, const char *sql, int count, const char *const *params)
{
	if (dialogue->pooled && is_between_transactions(dialogue))
		return ask_unlimited(dialogue, sql, count, params);
	if (!PQsendQueryParams(dialogue->pg, sql, count, NULL, params, NULL, NULL, 0)) {
		fail_as_libpq_says(dialogue);
		return NULL;
	}
	return last_result(dialogue);
}

int64_t dialogue_number(const PGresult *result, int row, int column)
{
	return strtoll(PQgetvalue(result, row, column), NULL, 10);
}

unsigned char *dialogue_bytea(const PGresult *result, int row, int column, size_t *size)
{
	return must(PQunescapeBytea((const unsigned char *)PQgetvalue(result, row, column), size));
}

bool dialogue_run(struct dialogue *dialogue, const char *sql)
{
	PGresult *result;

	if (!PQsendQuery(dialogue->pg, sql))
		return fail_as_libpq_says(dialogue);
	result = last_result(dialogue);
	PQclear(result);
	return result;
}

bool dialogue_begin_transaction(struct dialogue *dialogue, const char *sql)
{
	size_t begin = strcspn(sql, ";"), size = strlen(sql) + sizeof SET_UNLIMITED + 4;
	char *text;
	bool begun;

	if (!dialogue->pooled)
		return dialogue_run(dialogue, sql);
	text = must(malloc(size));
	snprintf(text, size, "%.*s; %s%s", (int)begin, sql, SET_UNLIMITED, sql + begin);
	begun = dialogue_run(dialogue, text);
	free(text);
	return begun;
}
