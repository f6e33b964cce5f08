/* Dead letters on Postgres: one query at a time, in libpq's text format. */
#include "adapters/postgres/ports/dead_letter_archive.h"

#include "adapters/postgres/connection/sqlstate.h"
#include "adapters/postgres/tools/blocking_client.h"
#include "core/base/must.h"
#include "tools_sql.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The number of attempts at a change that conflicts with a worker's transaction. */
#define TRIES 5

struct postgres_dead_letters {
	struct dead_letters letters;
	struct blocking_client client;
	struct url_source url;
	int timeout_ms;
	int64_t newest; /* newer dead letters are ignored */
	struct failure failure;
};

static struct postgres_dead_letters *downcast(struct dead_letters *letters)
{
	return (struct postgres_dead_letters *)letters;
}

/* ---- queries ---- */

static bool is_connection_lost(const struct blocking_client *client)
{
	return !client->sqlstate[0] || PQstatus(client->pg) == CONNECTION_BAD;
}

/*
 * The server ends a statement before its answer would be late, so that a change which waits for a lock is not
 * made after its caller has given it up.
 */
static bool connect_client(struct postgres_dead_letters *it)
{
	if (!blocking_client_connect(&it->client, &it->url, CLIENT_READS, it->timeout_ms))
		return false;
	snprintf(it->client.statement_timeout, sizeof it->client.statement_timeout, "%d",
		 it->timeout_ms / 3 * 2);
	return true;
}

static bool reconnect(struct postgres_dead_letters *it)
{
	blocking_client_close(&it->client);
	return connect_client(it);
}

static const struct failure *failed(struct postgres_dead_letters *it)
{
	it->failure.kind = blocking_client_may_retry(&it->client) ? FAILURE_RETRY : FAILURE_FATAL;
	it->failure.text = it->client.text;
	return &it->failure;
}

/*
 * Returns NULL after a failure: see failed().  Every query is safe to repeat, so a lost connection is
 * replaced and the query sent again.
 */
static PGresult *query(struct postgres_dead_letters *it, const char *sql, int count,
		       const char *const *params)
{
	PGresult *result;

	blocking_client_set_deadline(&it->client, it->timeout_ms);
	result = blocking_client_query(&it->client, sql, count, params);
	if (result || !is_connection_lost(&it->client) || !reconnect(it))
		return result;
	return blocking_client_query(&it->client, sql, count, params);
}

/* ---- parameters and results ---- */

static const char *number(struct arena *arena, int64_t value)
{
	return arena_printf(arena, "%" PRId64, value);
}

static const char *boolean(bool value)
{
	return value ? "true" : "false";
}

static const char *array_of_numbers(struct arena *arena, const int64_t *values, size_t count)
{
	size_t room = count * 21 + 3, used = 1;
	char *text = arena_alloc(arena, room);

	text[0] = '{';
	for (size_t i = 0; i < count; i++)
		used += (size_t)snprintf(text + used, room - used, "%s%" PRId64, i ? "," : "", values[i]);
	text[used] = '}';
	return text;
}

static const char *text_at(const PGresult *rows, int row, int column, struct arena *arena)
{
	return PQgetisnull(rows, row, column) ? NULL : arena_strdup(arena, PQgetvalue(rows, row, column));
}

static struct bytes bytes_at(const PGresult *rows, int row, int column, struct arena *arena)
{
	struct bytes bytes = {0};
	unsigned char *raw;

	if (PQgetisnull(rows, row, column))
		return bytes;
	raw = blocking_client_bytea(rows, row, column, &bytes.size);
	bytes.data = arena_copy(arena, raw, bytes.size);
	PQfreemem(raw);
	return bytes;
}

/* ---- the filter ---- */

#define FILTER_PARAMS 12

static const char *age(struct arena *arena, int64_t seconds)
{
	return seconds < 0 ? NULL : number(arena, seconds);
}

static void set_filter(const struct postgres_dead_letters *it, const struct dead_letter_filter *filter,
		       struct arena *arena, const char *params[FILTER_PARAMS])
{
	params[0] = number(arena, it->newest);
	params[1] = filter->id_count ? array_of_numbers(arena, filter->ids, filter->id_count) : NULL;
	params[2] = filter->outcome;
	params[3] = filter->reason;
	params[4] = filter->message;
	params[5] = age(arena, filter->older_than_s);
	params[6] = age(arena, filter->newer_than_s);
	params[7] = number(arena, it->letters.opened_at);
	params[8] = boolean(filter->is_discarded);
	params[9] = filter->since ? number(arena, filter->since) : NULL;
	params[10] = filter->whole_reason;
	params[11] = filter->message_id;
}

/* ---- reading ---- */

static const struct failure *count_kinds(struct dead_letters *letters,
					 const struct dead_letter_filter *filter, struct arena *arena,
					 struct dead_letter_kind **kinds, size_t *count)
{
	struct postgres_dead_letters *it = downcast(letters);
	const char *params[FILTER_PARAMS + 1];
	PGresult *rows;

	set_filter(it, filter, arena, params);
	params[FILTER_PARAMS] = filter->limit ? number(arena, filter->limit) : NULL;
	rows = query(it, sql_count_letters, FILTER_PARAMS + 1, params);
	if (!rows)
		return failed(it);
	*count = (size_t)PQntuples(rows);
	*kinds = arena_alloc(arena, *count * sizeof **kinds);
	for (int row = 0; row < PQntuples(rows); row++)
		(*kinds)[row] = (struct dead_letter_kind){
			.message = text_at(rows, row, 0, arena),
			.transport = text_at(rows, row, 1, arena),
			.count = blocking_client_number(rows, row, 2),
		};
	PQclear(rows);
	return NULL;
}

static const struct failure *find_missing(struct dead_letters *letters,
					  const struct dead_letter_filter *filter, struct arena *arena,
					  int64_t **missing, size_t *count)
{
	struct postgres_dead_letters *it = downcast(letters);
	const char *params[] = {array_of_numbers(arena, filter->ids, filter->id_count),
				boolean(filter->is_discarded)};
	PGresult *rows = query(it, sql_find_missing_letters, 2, params);

	if (!rows)
		return failed(it);
	*count = (size_t)PQntuples(rows);
	*missing = arena_alloc(arena, *count * sizeof **missing);
	for (int row = 0; row < PQntuples(rows); row++)
		(*missing)[row] = blocking_client_number(rows, row, 0);
	PQclear(rows);
	return NULL;
}

static struct dead_letter letter_at(const PGresult *rows, int row, struct arena *arena)
{
	return (struct dead_letter){
		.id = blocking_client_number(rows, row, 0),
		.outcome = text_at(rows, row, 1, arena),
		.reason = text_at(rows, row, 2, arena),
		.transport = text_at(rows, row, 3, arena),
		.origin = text_at(rows, row, 4, arena),
		.entry_id = text_at(rows, row, 5, arena),
		.incarnation = blocking_client_number(rows, row, 6),
		.message = text_at(rows, row, 7, arena),
		.source = text_at(rows, row, 8, arena),
		.message_id = text_at(rows, row, 9, arena),
		.payload_bytes = blocking_client_number(rows, row, 10),
		.attempts = (int)blocking_client_number(rows, row, 11),
		.first_at = blocking_client_number(rows, row, 12),
		.last_at = blocking_client_number(rows, row, 13),
		.payload = bytes_at(rows, row, 14, arena),
		.is_handled_since = *PQgetvalue(rows, row, 15) == 't',
	};
}

static const struct failure *read_page(struct dead_letters *letters, const struct dead_letter_filter *filter,
				       struct dead_letter_page *page)
{
	struct postgres_dead_letters *it = downcast(letters);
	const char *params[FILTER_PARAMS + 3];
	PGresult *rows;

	set_filter(it, filter, page->arena, params);
	params[FILTER_PARAMS] = number(page->arena, page->after);
	params[FILTER_PARAMS + 1] = number(page->arena, (int64_t)page->max);
	params[FILTER_PARAMS + 2] = boolean(page->with_payload);
	rows = query(it, sql_read_letters, FILTER_PARAMS + 3, params);
	if (!rows)
		return failed(it);
	page->count = (size_t)PQntuples(rows);
	page->letters = arena_alloc(page->arena, page->count * sizeof *page->letters);
	for (int row = 0; row < PQntuples(rows); row++)
		page->letters[row] = letter_at(rows, row, page->arena);
	PQclear(rows);
	return NULL;
}

static const struct failure *read_history(struct dead_letters *letters, int64_t id, struct arena *arena,
					  struct dead_letter_history_entry **entries, size_t *count)
{
	struct postgres_dead_letters *it = downcast(letters);
	const char *params[] = {number(arena, id)};
	PGresult *rows = query(it, sql_read_letter_history, 1, params);

	if (!rows)
		return failed(it);
	*count = (size_t)PQntuples(rows);
	*entries = arena_alloc(arena, *count * sizeof **entries);
	for (int row = 0; row < PQntuples(rows); row++)
		(*entries)[row] = (struct dead_letter_history_entry){
			.attempt = (int)blocking_client_number(rows, row, 0),
			.action = text_at(rows, row, 1, arena),
			.who = text_at(rows, row, 2, arena),
			.at = blocking_client_number(rows, row, 3),
			.edits = text_at(rows, row, 4, arena),
			.outcome = text_at(rows, row, 5, arena),
			.reason = text_at(rows, row, 6, arena),
		};
	PQclear(rows);
	return NULL;
}

/* ---- changing ---- */

/*
 * If two operators change a letter at once, the history's primary key stops the second one: the first change
 * is committed by then, and the next attempt finds nothing to delete.  *changed is the number of rows.
 */
static const struct failure *execute_change(struct postgres_dead_letters *it, const char *sql, int count,
					    const char *const *params, size_t *changed)
{
	PGresult *result = NULL;

	for (int i = 0; i < TRIES && !result; i++) {
		result = query(it, sql, count, params);
		if (!result &&
		    (is_connection_lost(&it->client) ||
		     sqlstate_kind(it->client.sqlstate, "dead_letter_history_pkey") != FAILURE_CONFLICT))
			break;
	}
	if (!result)
		return failed(it);
	*changed = (size_t)PQntuples(result);
	PQclear(result);
	return NULL;
}

/* Moves letters, by a statement that takes their ids, their attempts, the operator and the note. */
static const struct failure *move(struct dead_letters *letters, const char *sql,
				  const struct dead_letter *rows, size_t count,
				  const struct dead_letter_deed *deed, size_t *moved)
{
	struct arena *arena = arena_new(4096);
	int64_t *ids = arena_alloc(arena, count * sizeof *ids),
		*attempts = arena_alloc(arena, count * sizeof *attempts);
	const struct failure *failure;

	for (size_t i = 0; i < count; i++) {
		ids[i] = rows[i].id;
		attempts[i] = rows[i].attempts;
	}
	failure = execute_change(downcast(letters), sql, 4,
				 (const char *const[]){array_of_numbers(arena, ids, count),
						       array_of_numbers(arena, attempts, count), deed->who,
						       deed->note},
				 moved);
	arena_free(&arena);
	return failure;
}

static const struct failure *discard(struct dead_letters *letters, const struct dead_letter *rows,
				     size_t count, const struct dead_letter_deed *deed, size_t *discarded)
{
	return move(letters, sql_discard_letters, rows, count, deed, discarded);
}

static const struct failure *restore(struct dead_letters *letters, const struct dead_letter *rows,
				     size_t count, const struct dead_letter_deed *deed, size_t *restored)
{
	return move(letters, sql_restore_letters, rows, count, deed, restored);
}

static const struct failure *resend(struct dead_letters *letters, const struct dead_letter *mail,
				    const char *who, bool *done)
{
	struct arena *arena = arena_new(256);
	size_t sent = 0;
	const struct failure *failure = execute_change(
		downcast(letters), sql_resend_mail, 3,
		(const char *const[]){number(arena, mail->id), number(arena, mail->attempts), who}, &sent);

	*done = sent;
	arena_free(&arena);
	return failure;
}

/* ---- lifetime ---- */

static void free_letters(struct dead_letters *letters)
{
	struct postgres_dead_letters *it = downcast(letters);

	blocking_client_close(&it->client);
	free(it);
}

static const struct dead_letters_ops dead_letters_ops = {
	.count = count_kinds,
	.missing = find_missing,
	.read = read_page,
	.history = read_history,
	.discard = discard,
	.restore = restore,
	.resend = resend,
	.free = free_letters,
};

static bool read_clock(struct postgres_dead_letters *it)
{
	PGresult *row = query(it, sql_open_letters, 0, NULL);

	if (!row)
		return false;
	it->letters.opened_at = blocking_client_number(row, 0, 0);
	it->newest = blocking_client_number(row, 0, 1);
	PQclear(row);
	return true;
}

struct dead_letters *postgres_dead_letters_open(const struct url_source *url, int timeout_ms,
						struct arena *arena, const char **error)
{
	struct postgres_dead_letters *it = must_alloc(sizeof *it);

	it->letters.ops = &dead_letters_ops;
	it->url = *url;
	it->timeout_ms = timeout_ms;
	if (connect_client(it) && read_clock(it))
		return &it->letters;
	*error = arena_strdup(arena, it->client.text);
	free_letters(&it->letters);
	return NULL;
}
