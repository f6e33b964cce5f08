/* Migrates the database's schema to what this program needs, or reports why it cannot. */
#include "adapters/postgres/schema/migrations.h"
#include "adapters/postgres/schema/schema_internal.h"
#include "core/base/utf8.h"
#include "tools_sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The pause between two attempts to get the lock, and how often the steps of a migration are tried. */
#define LOCK_PAUSE_MS 50
#define PREPARE_TRIES 10

static enum schema_result fail_with(char text[SCHEMA_TEXT_SIZE], enum schema_result result, const char *words)
{
	utf8_format(text, SCHEMA_TEXT_SIZE, "%s", words);
	return result;
}

enum schema_result schema_fail_with_last_error(const struct blocking_client *client,
					       char text[SCHEMA_TEXT_SIZE])
{
	if (client->defect)
		return fail_with(text, SCHEMA_INCOMPATIBLE, client->defect);
	return fail_with(text, blocking_client_may_retry(client) ? SCHEMA_UNREACHABLE : SCHEMA_FAILED,
			 client->text);
}

/* ---- examining the schema ---- */

static enum schema_result fail_as_changed(char text[SCHEMA_TEXT_SIZE], const struct migration *migration)
{
	utf8_format(
		text, SCHEMA_TEXT_SIZE,
		"migration %s of this database differs from the one of this program: its file was changed",
		migration->name);
	return SCHEMA_INCOMPATIBLE;
}

static enum schema_result fail_as_too_new(char text[SCHEMA_TEXT_SIZE], const char *number, int oldest_program)
{
	utf8_format(text, SCHEMA_TEXT_SIZE,
		    "the database is too new: its migration %s needs a program that knows migration %d;"
		    " this one knows %d",
		    number, oldest_program, migration_count);
	return SCHEMA_INCOMPATIBLE;
}

static enum schema_result fail_as_missing(char text[SCHEMA_TEXT_SIZE], int number)
{
	utf8_format(text, SCHEMA_TEXT_SIZE, "the database lacks migration %s: run `allocd migrate`",
		    migrations[number - 1].name);
	return SCHEMA_INCOMPATIBLE;
}

static enum schema_result fail_as_gap(char text[SCHEMA_TEXT_SIZE], int number, int lacks)
{
	utf8_format(text, SCHEMA_TEXT_SIZE,
		    "the table migrations has row %d but lacks %s: its rows were changed by hand", number,
		    migrations[lacks - 1].name);
	return SCHEMA_INCOMPATIBLE;
}

/*
 * Checks the rows of the table migrations: first all that this program knows, in order, then those of newer
 * programs, the last of which it names.
 */
static enum schema_result check_rows(const PGresult *rows, int *applied, char text[SCHEMA_TEXT_SIZE])
{
	for (int row = 0; row < PQntuples(rows); row++) {
		int number = atoi(PQgetvalue(rows, row, 0)), oldest_program = atoi(PQgetvalue(rows, row, 1));

		if (number > migration_count) {
			if (oldest_program > migration_count)
				return fail_as_too_new(text, PQgetvalue(rows, row, 0), oldest_program);
			utf8_format(text, SCHEMA_TEXT_SIZE, "%d", number);
			continue;
		}
		if (number != *applied + 1)
			return fail_as_gap(text, number, *applied + 1);
		if (strcmp(PQgetvalue(rows, row, 2), migrations[number - 1].checksum) != 0)
			return fail_as_changed(text, &migrations[number - 1]);
		*applied = number;
	}
	return SCHEMA_READY;
}

/* Counts the applied migrations, if this program can work with the database. */
static enum schema_result examine(struct blocking_client *client, int *applied, char text[SCHEMA_TEXT_SIZE])
{
	enum schema_result result;
	PGresult *answer;
	bool is_empty;

	*applied = 0;
	text[0] = '\0';
	answer = blocking_client_query(client, sql_lacks_migrations, 0, NULL);
	if (!answer)
		return schema_fail_with_last_error(client, text);
	is_empty = PQgetvalue(answer, 0, 0)[0] == 't';
	PQclear(answer);
	if (is_empty)
		return SCHEMA_READY;
	answer = blocking_client_query(client, sql_read_migrations, 0, NULL);
	if (!answer)
		return schema_fail_with_last_error(client, text);
	result = check_rows(answer, applied, text);
	PQclear(answer);
	return result;
}

enum schema_result postgres_check_schema(const struct url_source *url, int timeout_ms,
					 struct installation *mine, char text[SCHEMA_TEXT_SIZE])
{
	struct blocking_client client;
	enum schema_result result;
	int applied = 0;

	if (!blocking_client_connect(&client, url, mine ? CLIENT_WRITES : CLIENT_READS, timeout_ms))
		result = schema_fail_with_last_error(&client, text);
	else
		result = examine(&client, &applied, text);
	if (result == SCHEMA_READY && applied < migration_count)
		result = fail_as_missing(text, applied + 1);
	if (result == SCHEMA_READY && mine)
		result = schema_check_installation(&client, mine, false, text);
	blocking_client_close(&client);
	return result;
}

/* ---- applying migrations ---- */

/*
 * The session holds the lock.  Behind a pooler, which lends a session for one transaction only, a
 * transaction holds it.
 */
static bool try_session_lock(struct blocking_client *keeper, bool *is_ours)
{
	PGresult *answer = blocking_client_query(keeper, sql_try_migration_lock_of_session, 0, NULL);

	*is_ours = answer && PQgetvalue(answer, 0, 0)[0] == 't';
	PQclear(answer);
	return answer;
}

/*
 * An index that is built concurrently waits for every transaction that has a snapshot. So a transaction that
 * does not get the lock ends, and one that holds it releases its snapshot, which the last statement's portal
 * holds.
 */
static bool try_transaction_lock(struct blocking_client *keeper, bool *is_ours)
{
	PGresult *answer = NULL;

	if (blocking_client_begin_transaction(keeper, "begin isolation level read committed"))
		answer = blocking_client_query(keeper, sql_try_migration_lock_of_transaction, 0, NULL);
	*is_ours = answer && PQgetvalue(answer, 0, 0)[0] == 't';
	PQclear(answer);
	return answer && blocking_client_execute(keeper, *is_ours ? "select 1" : "rollback");
}

/*
 * Acquires the lock, which the keeper holds as long as it lives.  The lock is polled, because an index that
 * is built concurrently waits for every transaction, also for one that waits for this lock.
 */
static bool lock(struct blocking_client *keeper)
{
	static const struct timespec pause = {0, LOCK_PAUSE_MS * 1000000L};
	bool is_ours = false, waits = true;

	while (!is_ours && waits) {
		if (!(keeper->pooled ? try_transaction_lock : try_session_lock)(keeper, &is_ours))
			return false;
		waits = blocking_client_remaining_ms(keeper) > 0;
		if (!is_ours && waits)
			nanosleep(&pause, NULL);
	}
	return is_ours || blocking_client_fail(keeper, "another program is migrating the database");
}

static bool begin(struct blocking_client *client)
{
	return blocking_client_begin_transaction(client, sql_begin_migration);
}

/* Runs all steps but the last one, each outside of a transaction. */
static bool prepare(struct blocking_client *client, const struct migration *migration)
{
	for (int i = 0; i < migration->step_count - 1; i++) {
		if (!blocking_client_execute(client, migration->steps[i]))
			return false;
	}
	return true;
}

/* Whether a step failed because of concurrent writers, so that all steps are run again. */
static bool may_prepare_again(const struct blocking_client *client)
{
	static const char *const passing[] = {"23505", "40P01", "55P03"};

	for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++) {
		if (!strcmp(client->sqlstate, passing[i]))
			return true;
	}
	return false;
}

/*
 * Behind a pooler the limits of the database or the role apply, because a session's setting would affect
 * other clients.
 */
static bool lift_limits(struct blocking_client *client)
{
	return client->pooled || blocking_client_execute(client, sql_lift_session_limits);
}

static bool prepare_beside_writers(struct blocking_client *client, const struct migration *migration)
{
	bool is_prepared;

	if (!blocking_client_execute(client, "commit") || !lift_limits(client))
		return false;
	is_prepared = prepare(client, migration);
	for (int i = 1; i < PREPARE_TRIES && !is_prepared && may_prepare_again(client); i++)
		is_prepared = prepare(client, migration);
	return is_prepared && begin(client);
}

/* Runs in a transaction; a migration in steps commits it and begins another one. */
static bool apply(struct blocking_client *client, const struct migration *migration)
{
	char number[16], oldest_program[16];
	const char *const params[] = {number, migration->name, oldest_program, migration->checksum};
	PGresult *answer;

	snprintf(number, sizeof number, "%d", migration->number);
	snprintf(oldest_program, sizeof oldest_program, "%d", migration->oldest_program);
	if (migration->step_count > 1 && !prepare_beside_writers(client, migration))
		return false;
	if (!blocking_client_execute(client, migration->steps[migration->step_count - 1]))
		return false;
	answer = blocking_client_query(client, sql_add_migration, 4, params);
	PQclear(answer);
	return answer;
}

/* The transaction that holds the lock may have been ended by the pooler. */
static bool is_locked(struct blocking_client *keeper)
{
	return !keeper->pooled || blocking_client_execute(keeper, "select 1");
}

static enum schema_result apply_missing(struct blocking_client *client, struct blocking_client *keeper,
					struct logger *logger, char text[SCHEMA_TEXT_SIZE])
{
	enum schema_result result;
	int applied;

	if (!lock(keeper))
		return schema_fail_with_last_error(keeper, text);
	blocking_client_clear_deadline(client);
	blocking_client_clear_deadline(keeper);
	if (!begin(client) || !blocking_client_execute(client, sql_create_migrations))
		return schema_fail_with_last_error(client, text);
	result = examine(client, &applied, text);
	if (result != SCHEMA_READY)
		return result;
	for (int i = applied; i < migration_count; i++) {
		LOG(logger, LOG_INFO, "migrating the database", LOG_TEXT("migration", migrations[i].name));
		if (!apply(client, &migrations[i]))
			return schema_fail_with_last_error(client, text);
		if (!is_locked(keeper))
			return schema_fail_with_last_error(keeper, text);
	}
	return blocking_client_execute(client, "commit") ? SCHEMA_READY
							 : schema_fail_with_last_error(client, text);
}

static enum schema_result apply_with_keeper(struct blocking_client *client, const struct url_source *url,
					    struct logger *logger, char text[SCHEMA_TEXT_SIZE])
{
	struct blocking_client keeper;
	enum schema_result result;

	if (!url->pooled)
		return apply_missing(client, client, logger, text);
	result = blocking_client_connect(&keeper, url, CLIENT_WRITES, blocking_client_remaining_ms(client))
			 ? apply_missing(client, &keeper, logger, text)
			 : schema_fail_with_last_error(&keeper, text);
	blocking_client_close(&keeper);
	return result;
}

enum schema_result postgres_migrate(const struct url_source *url, int timeout_ms, struct logger *logger,
				    char text[SCHEMA_TEXT_SIZE])
{
	struct blocking_client client;
	enum schema_result result;
	int applied = 0;

	if (!blocking_client_connect(&client, url, CLIENT_WRITES, timeout_ms))
		result = schema_fail_with_last_error(&client, text);
	else
		result = examine(&client, &applied, text);
	if (result == SCHEMA_READY && applied < migration_count)
		result = apply_with_keeper(&client, url, logger, text);
	blocking_client_close(&client);
	return result;
}
