/* The order in which tables forget an order, and those whose columns are the id itself. */
#include "adapters/postgres/forget/forget_internal.h"
#include "tools_sql.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How often a piece is run again when other sessions hold its locks. */
#define ATTEMPTS_MAX 100
#define PAUSE_MS     50
#define PATIENCE_MS  60000

const char *forget_place_name(enum forget_place place)
{
	static const char *const names[] = {
		[PLACE_LINES] = "order_lines",           [PLACE_DISPLACED] = "displaced_lines",
		[PLACE_VIEW] = "allocations_view",       [PLACE_OUTBOX] = "outbox",
		[PLACE_NOTIFICATIONS] = "notifications", [PLACE_INBOX] = "inbox",
		[PLACE_DEAD_LETTERS] = "dead_letters",   [PLACE_HISTORY] = "dead_letter_history",
	};

	return names[place];
}

/* ---- one piece ---- */

static bool run_piece(const struct forget_call *call, forget_piece *piece, void *context, bool *again)
{
	*again = false;
	blocking_client_set_deadline(call->client, PATIENCE_MS);
	return blocking_client_begin_transaction(call->client, sql_begin_rebuild) &&
	       piece(call, context, again) &&
	       blocking_client_execute(call->client, *again ? "rollback" : "commit");
}

/* Whether another session holds the locks or waits for ours, so that a later attempt may succeed. */
static bool is_contention(const struct blocking_client *client)
{
	return !strcmp(client->sqlstate, "55P03") || !strcmp(client->sqlstate, "40P01");
}

bool forget_in_transaction(const struct forget_call *call, forget_piece *piece, void *context)
{
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
	bool again;

	for (int attempts = 1;; attempts++) {
		bool done = run_piece(call, piece, context, &again);

		if (done && !again)
			return true;
		if (attempts == ATTEMPTS_MAX)
			return done && blocking_client_fail(call->client, "its rows change all the time");
		if (!done &&
		    (!is_contention(call->client) || !blocking_client_execute(call->client, "rollback")))
			return false;
		nanosleep(&pause, NULL);
	}
}

bool forget_count_changed(const struct forget_call *call, const char *sql, int count,
			  const char *const *params, int64_t *changed)
{
	PGresult *result = blocking_client_query(call->client, sql, count, params);

	if (result)
		*changed = strtoll(PQcmdTuples(result), NULL, 10);
	PQclear(result);
	return result;
}

/* ---- lines, and the read model's rows of the same products ---- */

struct line_piece {
	const char *products; /* an array of their ids, in order */
	int64_t lines, displaced, shown;
};

/* The statement sees all that was committed before the locks. */
static bool replace_lines(const struct forget_call *call, void *context, bool *again)
{
	struct line_piece *piece = context;
	const struct forgotten_order *order = &call->forgetting->order;
	const char *const params[] = {order->orderid, order->token, piece->products};
	PGresult *locked = blocking_client_query(call->client, sql_lock_products, 1, &piece->products);
	PGresult *replaced =
		locked ? blocking_client_query(call->client, sql_replace_lines, 3, params) : NULL;

	(void)again;
	if (replaced) {
		piece->lines = blocking_client_number(replaced, 0, 0);
		piece->displaced = blocking_client_number(replaced, 0, 1);
		piece->shown = blocking_client_number(replaced, 0, 2);
	}
	PQclear(locked);
	PQclear(replaced);
	return replaced;
}

/* A product may have more lines of the order than one transaction replaces. */
static bool replace_lines_of(const struct forget_call *call, const char *products)
{
	struct line_piece piece = {.products = products};
	int64_t *replaced = call->forgetting->replaced;

	do {
		if (!forget_in_transaction(call, replace_lines, &piece))
			return false;
		replaced[PLACE_LINES] += piece.lines;
		replaced[PLACE_DISPLACED] += piece.displaced;
		replaced[PLACE_VIEW] += piece.shown;
		call->forgetting->progress(call->forgetting);
	} while (piece.lines + piece.displaced > 0);
	return true;
}

/* A page of products, in which `after` moves to the last one. */
static bool forget_lines_of_page(const struct forget_call *call, char after[24], bool *more)
{
	const char *const params[] = {call->forgetting->order.orderid, after};
	PGresult *page = blocking_client_query(call->client, sql_find_lines, 2, params);
	bool done = page;

	*more = page && !PQgetisnull(page, 0, 0);
	if (*more) {
		snprintf(after, 24, "%s", PQgetvalue(page, 0, 0));
		if (call->forgetting->is_dry_run) {
			call->forgetting->replaced[PLACE_LINES] += blocking_client_number(page, 0, 1);
			call->forgetting->replaced[PLACE_DISPLACED] += blocking_client_number(page, 0, 2);
		} else if (!PQgetisnull(page, 0, 3)) {
			done = replace_lines_of(call, PQgetvalue(page, 0, 3));
		}
	}
	PQclear(page);
	return done;
}

static bool forget_in_lines(const struct forget_call *call)
{
	char after[24] = "0";
	bool more = true;

	while (more) {
		blocking_client_set_deadline(call->client, PATIENCE_MS);
		if (!forget_lines_of_page(call, after, &more))
			return false;
	}
	return true;
}

/* ---- tables with the id in a column ---- */

struct table {
	enum forget_place place;
	const char *count;   /* of the rows with the id $1 */
	const char *replace; /* replaces $1 by $2 in at most 1000 rows */
};

static const struct table tables[] = {
	/* After the lines: what is left are rows that belong to no line, see `verify`. */
	{PLACE_VIEW, sql_count_view_rows, sql_replace_view_rows},
	{PLACE_NOTIFICATIONS, sql_count_notifications, sql_replace_notifications},
	{PLACE_INBOX, sql_count_inbox, sql_replace_inbox},
};

struct table_piece {
	const struct table *table;
	int64_t changed;
};

static bool replace_rows(const struct forget_call *call, void *context, bool *again)
{
	struct table_piece *piece = context;
	const char *const params[] = {call->forgetting->order.orderid, call->forgetting->order.token};

	(void)again;
	return forget_count_changed(call, piece->table->replace, 2, params, &piece->changed);
}

static bool count_rows(const struct forget_call *call, const struct table *table)
{
	PGresult *row =
		blocking_client_query(call->client, table->count, 1, &call->forgetting->order.orderid);

	if (row)
		call->forgetting->replaced[table->place] += blocking_client_number(row, 0, 0);
	PQclear(row);
	return row;
}

static bool forget_in_table(const struct forget_call *call, const struct table *table)
{
	struct table_piece piece = {table, 0};

	if (call->forgetting->is_dry_run)
		return count_rows(call, table);
	do {
		if (!forget_in_transaction(call, replace_rows, &piece))
			return false;
		call->forgetting->replaced[table->place] += piece.changed;
	} while (piece.changed > 0);
	return true;
}

static bool forget_in_tables(const struct forget_call *call)
{
	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
		if (!forget_in_table(call, &tables[i]))
			return false;
	}
	return true;
}

/* ---- all of them ---- */

/* Takes the token of an interrupted call, if there is one. */
static bool begin(const struct forget_call *call, struct arena *tokens)
{
	struct forgotten_order *order = &call->forgetting->order;
	const char *const params[] = {order->orderid, order->token};
	PGresult *none = blocking_client_query(call->client, sql_expect_no_process, 1, params);
	PGresult *row = none ? blocking_client_query(call->client, sql_begin_forgetting, 2, params) : NULL;

	PQclear(none);
	if (row)
		order->token = arena_strdup(tokens, PQgetvalue(row, 0, 0));
	PQclear(row);
	return row;
}

static bool end(const struct forget_call *call)
{
	int64_t changed;

	return forget_count_changed(call, sql_end_forgetting, 1, &call->forgetting->order.orderid, &changed);
}

/*
 * Events are last but for dead letters, which no worker writes for lines: once no line has the id, no
 * later event of the order has it.
 */
static bool forget(const struct forget_call *call, struct arena *tokens)
{
	bool is_dry_run = call->forgetting->is_dry_run;

	return (is_dry_run || begin(call, tokens)) && forget_in_lines(call) && forget_in_tables(call) &&
	       forget_in_outbox(call) && forget_in_letters(call) && forget_in_history(call) &&
	       (is_dry_run || end(call));
}

bool postgres_forget(struct blocking_client *client, struct forgetting *forgetting)
{
	struct arena *arena = arena_new(65536), *tokens = arena_new(256);
	const struct forget_call call = {client, forgetting, arena};
	const char *given = forgetting->order.token;
	bool done = forget(&call, tokens);

	forgetting->order.token = given;
	arena_free(&tokens);
	arena_free(&arena);
	return done;
}
