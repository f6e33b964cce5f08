/* Rebuilds the read model piece by piece. */
#include "adapters/postgres/tools/rebuild.h"

#include "tools_sql.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* How often a correction is tried after lock timeouts and deadlocks. */
#define ATTEMPTS_MAX 100
#define PAUSE_MS     50

#define PATIENCE_MS 30000

/* The parameters of a piece: the key before it, the key of its last row, and the products that differ. */
enum piece_part { AFTER = 0, END = 3, PRODUCTS = 6, PIECE_PARTS };
enum scan_column { LAST_KEY, ROWS = 3, WRONG, WRONG_PRODUCTS };

/* One direction of the comparison; tools.sql explains the parameters of its queries. */
struct pass {
	const char *before_all[3];
	const char *scan; /* see scan_column; it returns no row after the last piece */
	const char *lock; /* locks rows beside the products; or NULL */
	const char *fix;  /* returns the numbers of rows added, corrected and removed */
};

static const struct pass show_lines = {
	.before_all = {"0", "", "0"},
	.scan = sql_scan_lines,
	.fix = sql_show_lines,
};

static const struct pass hide_rows = {
	.before_all = {"", "", "0"},
	.scan = sql_scan_rows,
	.lock = sql_lock_rows,
	.fix = sql_hide_rows,
};

struct rebuild {
	struct blocking_client *client;
	struct rebuilding *done;
	rebuilding_progress *progress;
	void *context;
};

static int64_t number_at(const PGresult *result, int column)
{
	return blocking_client_number(result, 0, column);
}

static bool begin(struct blocking_client *client)
{
	return blocking_client_begin_transaction(client, sql_begin_rebuild);
}

/* ---- correcting a piece ---- */

static bool run_query(struct blocking_client *client, const char *sql, int count, const char *const *params)
{
	PGresult *result = blocking_client_query(client, sql, count, params);

	PQclear(result);
	return result;
}

/*
 * Each statement sees what was committed before it began, so the last one sees everything that preceded the
 * locks.
 */
static PGresult *fix_piece(struct blocking_client *client, const struct pass *pass, const char *const piece[])
{
	if (!begin(client) || !run_query(client, sql_lock_products, 1, &piece[PRODUCTS]) ||
	    (pass->lock && !run_query(client, pass->lock, PIECE_PARTS, piece)))
		return NULL;
	return blocking_client_query(client, pass->fix, PIECE_PARTS, piece);
}

static bool correct_once(struct rebuild *rebuild, const struct pass *pass, const char *const piece[])
{
	PGresult *fixed = fix_piece(rebuild->client, pass, piece);
	bool done = fixed && blocking_client_execute(rebuild->client, "commit");

	if (done) {
		rebuild->done->added += number_at(fixed, 0);
		rebuild->done->corrected += number_at(fixed, 1);
		rebuild->done->removed += number_at(fixed, 2);
	}
	PQclear(fixed);
	return done;
}

/* Whether another session holds the locks or waits for ours, so that a later attempt may succeed. */
static bool is_contention(const struct blocking_client *client)
{
	return !strcmp(client->sqlstate, "55P03") || !strcmp(client->sqlstate, "40P01");
}

static bool correct(struct rebuild *rebuild, const struct pass *pass, const char *const piece[])
{
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};

	for (int attempts = 1; !correct_once(rebuild, pass, piece); attempts++) {
		if (!is_contention(rebuild->client) || attempts == ATTEMPTS_MAX ||
		    !blocking_client_execute(rebuild->client, "rollback"))
			return false;
		nanosleep(&pause, NULL);
		blocking_client_set_deadline(rebuild->client, PATIENCE_MS);
	}
	return true;
}

/* ---- scanning a table ---- */

static bool correct_if_wrong(struct rebuild *rebuild, const struct pass *pass, const PGresult *scanned,
			     const char *const after[3])
{
	const char *const piece[PIECE_PARTS] = {
		[AFTER] = after[0],
		after[1],
		after[2],
		[END] = PQgetvalue(scanned, 0, 0),
		PQgetvalue(scanned, 0, 1),
		PQgetvalue(scanned, 0, 2),
		[PRODUCTS] = PQgetvalue(scanned, 0, WRONG_PRODUCTS),
	};

	return number_at(scanned, WRONG) == 0 || correct(rebuild, pass, piece);
}

static PGresult *scan(struct blocking_client *client, const struct pass *pass, const char *const after[3])
{
	PGresult *scanned = begin(client) ? blocking_client_query(client, pass->scan, 3, after) : NULL;

	if (!scanned || blocking_client_execute(client, "commit"))
		return scanned;
	PQclear(scanned);
	return NULL;
}

/* Compares and corrects a whole table; `looked` counts its rows. */
static bool rebuild_table(struct rebuild *rebuild, const struct pass *pass, int64_t *looked)
{
	const char *after[3] = {pass->before_all[0], pass->before_all[1], pass->before_all[2]};
	PGresult *before = NULL, *scanned;
	bool right;

	for (;;) {
		blocking_client_set_deadline(rebuild->client, PATIENCE_MS);
		scanned = scan(rebuild->client, pass, after);
		right = scanned &&
			(PQntuples(scanned) == 0 || correct_if_wrong(rebuild, pass, scanned, after));
		PQclear(before);
		before = scanned;
		if (!right || PQntuples(scanned) == 0)
			break;
		*looked += number_at(scanned, ROWS);
		rebuild->progress(rebuild->context, rebuild->done);
		for (int i = 0; i < 3; i++)
			after[i] = PQgetvalue(scanned, 0, i);
	}
	PQclear(before);
	return right;
}

bool postgres_rebuild_view(struct blocking_client *client, struct rebuilding *rebuilding,
			   rebuilding_progress *progress, void *context)
{
	struct rebuild rebuild = {client, rebuilding, progress, context};

	return rebuild_table(&rebuild, &show_lines, &rebuilding->lines) &&
	       rebuild_table(&rebuild, &hide_rows, &rebuilding->rows) &&
	       blocking_client_execute(client, sql_record_rebuilding);
}
