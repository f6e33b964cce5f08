/* Reads what a run of `allocd-bench` left in the database. */
#include "adapters/postgres/tools/bench_queries.h"

#include "tools_sql.h"

#include <inttypes.h>
#include <stdio.h>

bool postgres_count_spent(struct blocking_client *client, const char *run, int64_t *count)
{
	const char *const params[] = {run};
	PGresult *rows = blocking_client_query(client, sql_count_spent, 1, params);

	if (rows)
		*count = blocking_client_number(rows, 0, 0);
	PQclear(rows);
	return rows;
}

static bool read_counts(struct blocking_client *client, const char *run, struct bench_results *results)
{
	const char *const params[] = {run};
	PGresult *rows = blocking_client_query(client, sql_count_results, 1, params);

	if (rows)
		*results = (struct bench_results){
			.handled = blocking_client_number(rows, 0, 0),
			.allocated = blocking_client_number(rows, 0, 1),
			.lines = blocking_client_number(rows, 0, 2),
			.shown = blocking_client_number(rows, 0, 3),
			.dead_letters = blocking_client_number(rows, 0, 4),
		};
	PQclear(rows);
	return rows;
}

static bool report_missing(struct blocking_client *client, const char *run, uint32_t expected,
			   const struct run_listener *listener, void *context)
{
	char number[16];
	const char *const params[] = {run, number};
	PGresult *rows;

	snprintf(number, sizeof number, "%" PRIu32, expected);
	rows = blocking_client_query(client, sql_find_unhandled, 2, params);
	for (int row = 0; rows && row < PQntuples(rows); row++)
		listener->missing(context, blocking_client_number(rows, row, 0));
	PQclear(rows);
	return rows;
}

static bool report_versions(struct blocking_client *client, const char *run,
			    const struct run_listener *listener, void *context)
{
	const char *const params[] = {run};
	PGresult *rows = blocking_client_query(client, sql_find_versions, 1, params);

	for (int row = 0; rows && row < PQntuples(rows); row++)
		listener->product(context, blocking_client_number(rows, row, 0),
				  blocking_client_number(rows, row, 1));
	PQclear(rows);
	return rows;
}

static bool report_dead_letters(struct blocking_client *client, const char *run,
				const struct run_listener *listener, void *context)
{
	const char *const params[] = {run};
	PGresult *rows = blocking_client_query(client, sql_find_refused, 1, params);

	for (int row = 0; rows && row < PQntuples(rows); row++)
		listener->dead_letter(context, PQgetvalue(rows, row, 0), PQgetvalue(rows, row, 1),
				      PQgetvalue(rows, row, 2));
	PQclear(rows);
	return rows;
}

bool postgres_find_run(struct blocking_client *client, const char *run, uint32_t expected,
		       struct bench_results *results, const struct run_listener *listener, void *context)
{
	return blocking_client_begin_transaction(client, "begin isolation level repeatable read read only") &&
	       read_counts(client, run, results) &&
	       (results->handled == expected || report_missing(client, run, expected, listener, context)) &&
	       report_versions(client, run, listener, context) &&
	       (results->dead_letters == 0 || report_dead_letters(client, run, listener, context)) &&
	       blocking_client_execute(client, "commit");
}

bool postgres_read_gauges(struct blocking_client *client, struct database_gauges *gauges)
{
	PGresult *rows = blocking_client_query(client, sql_read_gauges, 0, NULL);

	if (rows)
		*gauges = (struct database_gauges){blocking_client_number(rows, 0, 0),
						   blocking_client_number(rows, 0, 1)};
	PQclear(rows);
	return rows;
}
