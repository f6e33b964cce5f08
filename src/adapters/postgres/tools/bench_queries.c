/* What a run of `allocd bench` left in the database. */
#include "adapters/postgres/tools/bench_queries.h"

#include <inttypes.h>
#include <stdio.h>

/* Keys are compared by bytes, and n comes after m: so each of these is one range of an index. */
#define IDS      "id >= $1::text || '-m' and id < $1::text || '-n'"
#define SKUS     "sku >= $1::text || '-s' and sku < $1::text || '-t'"
#define BATCHES  "reference >= $1::text || '-b' and reference < $1::text || '-c'"
#define ORDERS   "orderid >= $1::text || '-o' and orderid < $1::text || '-p'"
#define LETTERS  "message_id >= $1::text || '-m' and message_id < $1::text || '-n'"
#define A_NUMBER "lpad(n::text, 8, '0')"

static const char count_spent[] = "select count(*) from inbox where " IDS;

static const char count_rows[] =
	"select (select count(*) from inbox where outcome = 'handled' and " IDS "),"
	" (select coalesce(sum(allocated), 0)::bigint from batches where " BATCHES "),"
	" (select count(*) from order_lines l join products p on p.id = l.product_id where " SKUS "),"
	" (select count(*) from allocations_view where " ORDERS "),"
	" (select count(*) from dead_letters where " LETTERS ")";

static const char find_missing[] =
	"select n from generate_series(0, $2::bigint - 1) n where not exists ("
	" select from inbox where id = $1::text || '-m' || " A_NUMBER ") order by n";

static const char find_versions[] = "select right(sku, 8)::bigint, version from products where " SKUS;

static const char find_letters[] =
	"select outcome, message_id, reason from dead_letters where " LETTERS " order by id limit 10";

static const char read_gauges[] =
	"select case when inet_server_addr() is not distinct from inet_client_addr()"
	" then pg_backend_pid() else 0 end,"
	" pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint";

bool postgres_count_spent(struct blocking_client *client, const char *run, int64_t *count)
{
	const char *const params[] = {run};
	PGresult *rows = blocking_client_ask(client, count_spent, 1, params);

	if (rows)
		*count = blocking_client_number(rows, 0, 0);
	PQclear(rows);
	return rows;
}

static bool read_counts(struct blocking_client *client, const char *run, struct bench_results *results)
{
	const char *const params[] = {run};
	PGresult *rows = blocking_client_ask(client, count_rows, 1, params);

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

static bool tell_missing(struct blocking_client *client, const char *run, uint32_t expected,
			 const struct run_listener *listener, void *context)
{
	char number[16];
	const char *const params[] = {run, number};
	PGresult *rows;

	snprintf(number, sizeof number, "%" PRIu32, expected);
	rows = blocking_client_ask(client, find_missing, 2, params);
	for (int row = 0; rows && row < PQntuples(rows); row++)
		listener->missing(context, blocking_client_number(rows, row, 0));
	PQclear(rows);
	return rows;
}

static bool tell_versions(struct blocking_client *client, const char *run,
			  const struct run_listener *listener, void *context)
{
	const char *const params[] = {run};
	PGresult *rows = blocking_client_ask(client, find_versions, 1, params);

	for (int row = 0; rows && row < PQntuples(rows); row++)
		listener->product(context, blocking_client_number(rows, row, 0),
				  blocking_client_number(rows, row, 1));
	PQclear(rows);
	return rows;
}

static bool tell_letters(struct blocking_client *client, const char *run, const struct run_listener *listener,
			 void *context)
{
	const char *const params[] = {run};
	PGresult *rows = blocking_client_ask(client, find_letters, 1, params);

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
	       (results->handled == expected || tell_missing(client, run, expected, listener, context)) &&
	       tell_versions(client, run, listener, context) &&
	       (results->dead_letters == 0 || tell_letters(client, run, listener, context)) &&
	       blocking_client_run(client, "commit");
}

bool postgres_read_gauges(struct blocking_client *client, struct database_gauges *gauges)
{
	PGresult *rows = blocking_client_ask(client, read_gauges, 0, NULL);

	if (rows)
		*gauges = (struct database_gauges){blocking_client_number(rows, 0, 0),
						   blocking_client_number(rows, 0, 1)};
	PQclear(rows);
	return rows;
}
