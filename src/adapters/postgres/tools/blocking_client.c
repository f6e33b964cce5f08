/* Drives libpq's nonblocking calls with poll(). */
#include "adapters/postgres/tools/blocking_client.h"

#include "adapters/postgres/connector/connector.h"
#include "adapters/postgres/connector/conninfo.h"
#include "adapters/system/descriptors.h"
#include "adapters/system/instants.h"
#include "core/base/must.h"
#include "core/base/utf8.h"
#include "tools_sql.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Descriptors for an event loop, a name look-up, a spare session and a connection. */
#define DESCRIPTORS_NEEDED ((size_t)8)

int blocking_client_remaining_ms(const struct blocking_client *client)
{
	int64_t rest = client->deadline_ms - monotonic_ms();

	if (client->deadline_ms == INT64_MAX)
		return -1;
	return rest < 0 ? 0 : rest > INT32_MAX ? INT32_MAX : (int)rest;
}

void blocking_client_set_deadline(struct blocking_client *client, int timeout_ms)
{
	client->deadline_ms = monotonic_ms() + timeout_ms;
}

void blocking_client_clear_deadline(struct blocking_client *client)
{
	client->deadline_ms = INT64_MAX;
}

static bool fail(struct blocking_client *client, const char *text)
{
	utf8_format(client->text, sizeof client->text, "%s", text);
	conninfo_join_lines(client->text);
	return false;
}

bool blocking_client_fail(struct blocking_client *client, const char *text)
{
	client->sqlstate[0] = '\0';
	return fail(client, text);
}

/* Fails with libpq's error, which is empty if the server did not answer at all. */
static bool fail_with_libpq_error(struct blocking_client *client)
{
	client->sqlstate[0] = '\0';
	return fail(client, PQerrorMessage(client->pg));
}

static bool await_socket(struct blocking_client *client, short events)
{
	struct pollfd fd = {PQsocket(client->pg), events, 0};
	int ready;

	do
		ready = poll(&fd, 1, blocking_client_remaining_ms(client));
	while (ready < 0 && errno == EINTR);
	if (ready > 0)
		return true;
	client->sqlstate[0] = '\0';
	return fail(client, "the database did not answer in time");
}

bool blocking_client_may_retry(const struct blocking_client *client)
{
	static const char *const passing[] = {"08", "40", "53", "55", "57", "25006"};

	if (client->defect)
		return false;
	for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++) {
		if (strncmp(client->sqlstate, passing[i], strlen(passing[i])) == 0)
			return true;
	}
	return !client->sqlstate[0];
}

/* ---- connecting ---- */

/* What the connector's callback reports to blocking_client_connect(), which waits for it. */
struct connecting {
	struct blocking_client *client;
	bool done, late;
	struct pg_error error;
};

static void on_connected(void *context, PGconn *pg, const char *key, const struct pg_error *error)
{
	struct connecting *connecting = context;

	(void)key;
	connecting->client->pg = pg;
	connecting->done = true;
	if (!pg)
		connecting->error = *error;
}

static void on_late(evutil_socket_t fd, short what, void *context)
{
	struct connecting *connecting = context;

	(void)fd, (void)what;
	connecting->late = true;
}

/* Runs an event loop of its own until the connector is done or the time is over. */
static void run_connector(struct event_base *base, const struct connector_config *config,
			  struct connecting *connecting)
{
	int rest = blocking_client_remaining_ms(connecting->client);
	struct connector *connector = connector_start(config, on_connected, connecting);
	struct event *late = must(evtimer_new(base, on_late, connecting));

	event_add(late, &(struct timeval){rest / 1000, rest % 1000 * 1000});
	while (!connecting->done && !connecting->late)
		event_base_loop(base, EVLOOP_ONCE);
	if (!connecting->done) {
		connector_describe(connector, &connecting->error);
		connecting->error.kind = FAILURE_RETRY;
		connector_cancel(&connector);
	}
	event_free(late);
}

/*
 * Returns NULL without enough descriptors, because libevent would end the process without some for its own
 * use.
 */
static struct event_base *new_event_loop(void)
{
	return descriptors_free(DESCRIPTORS_NEEDED) < DESCRIPTORS_NEEDED ? NULL : event_base_new();
}

bool blocking_client_connect(struct blocking_client *client, const struct url_source *given,
			     enum blocking_client_need need, int timeout_ms)
{
	struct connecting connecting = {.client = client};
	struct event_base *base = new_event_loop();
	struct url_source url = *given;

	url.pooled = given->pooled && need != CLIENT_DRY_RUNS;
	*client = (struct blocking_client){.deadline_ms = monotonic_ms() + timeout_ms, .pooled = url.pooled};
	if (!base)
		return fail(client, "too few file descriptors are free to connect to the database");
	run_connector(base,
		      &(struct connector_config){
			      .base = base,
			      .url = &url,
			      .reads = need == CLIENT_READS,
			      .is_dry_run = need == CLIENT_DRY_RUNS,
		      },
		      &connecting);
	event_base_free(base);
	if (client->pg)
		return true;
	fail(client, connecting.error.text);
	if (connecting.error.kind == FAILURE_FATAL)
		client->defect = client->text;
	return false;
}

void blocking_client_close(struct blocking_client *client)
{
	PQfinish(client->pg);
	client->pg = NULL;
}

/* ---- queries ---- */

/* Returns false if the next result does not arrive in time. */
static bool await_result(struct blocking_client *client)
{
	while (PQisBusy(client->pg)) {
		if (!await_socket(client, POLLIN))
			return false;
		if (!PQconsumeInput(client->pg))
			break; /* the next result says why */
	}
	return true;
}

static void note_error(struct blocking_client *client, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	fail(client, PQresultErrorMessage(result));
	snprintf(client->sqlstate, sizeof client->sqlstate, "%s", sqlstate ? sqlstate : "");
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

/* Keeps the first of several errors, because later ones are often its consequences. */
static void add_result(struct blocking_client *client, struct answers *answers, PGresult *result)
{
	if (!is_good(result) && !answers->failed) {
		note_error(client, result);
		answers->failed = true;
	}
	PQclear(answers->last);
	answers->last = result;
}

/* Returns the last result if all were received and no error was among them, else NULL. */
static PGresult *conclude(struct answers *answers, bool all_came)
{
	if (all_came && !answers->failed)
		return answers->last;
	PQclear(answers->last);
	return NULL;
}

/*
 * Returns NULL also if not all results were received: then it is unknown which statements the server
 * executed.
 */
static PGresult *last_result(struct blocking_client *client)
{
	struct answers answers = {0};
	PGresult *result = NULL;
	bool in_time;

	while ((in_time = await_result(client)) && (result = PQgetResult(client->pg)))
		add_result(client, &answers, result);
	if (in_time && !answers.failed && PQstatus(client->pg) == CONNECTION_BAD)
		answers.failed = !fail_with_libpq_error(client);
	return conclude(&answers, in_time);
}

/* ---- with limits other than those of the database or the role, for one transaction ---- */

/* Returns the last result before the sync; NULL if one was an error or the sync does not arrive. */
static PGresult *result_before_sync(struct blocking_client *client)
{
	struct answers answers = {0};
	bool synced = false, alive = true;

	while (!synced && alive && await_result(client)) {
		PGresult *result = PQgetResult(client->pg);

		synced = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
		alive = PQstatus(client->pg) == CONNECTION_OK;
		if (result && !synced)
			add_result(client, &answers, result);
		else
			PQclear(result);
	}
	if (!alive && !answers.failed)
		fail_with_libpq_error(client);
	return conclude(&answers, synced);
}

/* Both statements are one transaction, and one round trip. */
static PGresult *ask_limited(struct blocking_client *client, const char *sql, int count,
			     const char *const *params)
{
	const char *limit = *client->statement_timeout ? client->statement_timeout : "0";
	PGresult *result;

	if (!PQenterPipelineMode(client->pg) ||
	    !PQsendQueryParams(client->pg, sql_set_time_limits, 1, NULL, &limit, NULL, NULL, 0) ||
	    !PQsendQueryParams(client->pg, sql, count, NULL, params, NULL, NULL, 0) ||
	    !PQpipelineSync(client->pg)) {
		fail_with_libpq_error(client);
		return NULL;
	}
	result = result_before_sync(client);
	PQexitPipelineMode(client->pg);
	return result;
}

static bool is_between_transactions(const struct blocking_client *client)
{
	return PQtransactionStatus(client->pg) == PQTRANS_IDLE;
}

PGresult *blocking_client_query(struct blocking_client *client, const char *sql, int count,
				const char *const *params)
{
	if ((client->pooled || *client->statement_timeout) && is_between_transactions(client))
		return ask_limited(client, sql, count, params);
	if (!PQsendQueryParams(client->pg, sql, count, NULL, params, NULL, NULL, 0)) {
		fail_with_libpq_error(client);
		return NULL;
	}
	return last_result(client);
}

int64_t blocking_client_number(const PGresult *result, int row, int column)
{
	return strtoll(PQgetvalue(result, row, column), NULL, 10);
}

unsigned char *blocking_client_bytea(const PGresult *result, int row, int column, size_t *size)
{
	return must(PQunescapeBytea((const unsigned char *)PQgetvalue(result, row, column), size));
}

const char *blocking_client_hexadecimal(struct arena *arena, struct bytes bytes)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *data = bytes.data;
	char *text = arena_alloc(arena, 2 * bytes.size + 3), *end = text;

	*end++ = '\\';
	*end++ = 'x';
	for (size_t i = 0; i < bytes.size; i++) {
		*end++ = digits[data[i] >> 4];
		*end++ = digits[data[i] & 15];
	}
	*end = '\0';
	return text;
}

bool blocking_client_execute(struct blocking_client *client, const char *sql)
{
	PGresult *result;

	if (!PQsendQuery(client->pg, sql))
		return fail_with_libpq_error(client);
	result = last_result(client);
	PQclear(result);
	return result;
}

bool blocking_client_begin_transaction(struct blocking_client *client, const char *sql)
{
	size_t begin = strcspn(sql, ";"), size = strlen(sql) + strlen(sql_set_time_limits_lifted) + 5;
	char *text;
	bool begun;

	if (!client->pooled)
		return blocking_client_execute(client, sql);
	text = must(malloc(size));
	snprintf(text, size, "%.*s; %s%s", (int)begin, sql, sql_set_time_limits_lifted, sql + begin);
	begun = blocking_client_execute(client, text);
	free(text);
	return begun;
}
