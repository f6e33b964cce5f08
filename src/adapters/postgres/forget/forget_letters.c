/*
 * Replaces the id in dead letters and in the history of what operators did about them, page by page.  A
 * letter that was tried again meanwhile is read again.
 */
#include "adapters/postgres/forget/forget_internal.h"
#include "tools_sql.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct letters_page {
	char after[2][24], last[2][24]; /* the key before the page, and its last key */
	int64_t rows, changed;
};

static const char *text_at(const PGresult *rows, int row, int column)
{
	return PQgetisnull(rows, row, column) ? NULL : PQgetvalue(rows, row, column);
}

/* ---- letters ---- */

enum letter_column { LETTER_ID, ATTEMPTS, OUTCOME, REASON, MESSAGE_ID, PAYLOAD };

static bool write_letter(const struct forget_call *call, const PGresult *rows, int row,
			 const struct forgettable_letter *letter, bool *again)
{
	const char *const params[] = {PQgetvalue(rows, row, LETTER_ID), PQgetvalue(rows, row, ATTEMPTS),
				      letter->reason, letter->message_id,
				      blocking_client_hexadecimal(call->arena, letter->payload)};
	int64_t changed = 0;

	if (!forget_count_changed(call, sql_replace_letter, 5, params, &changed))
		return false;
	*again = *again || !changed;
	return true;
}

static bool forget_in_letter(const struct forget_call *call, struct letters_page *page, const PGresult *rows,
			     int row, bool *again)
{
	const struct forgetting *forgetting = call->forgetting;
	struct forgettable_letter letter = {PQgetvalue(rows, row, OUTCOME),
					    {NULL, 0},
					    text_at(rows, row, REASON),
					    text_at(rows, row, MESSAGE_ID)};
	unsigned char *data = blocking_client_bytea(rows, row, PAYLOAD, &letter.payload.size);
	bool done = true;

	letter.payload.data = data;
	arena_clear(call->arena);
	if (forgetting->rules->letter(&forgetting->order, &letter, call->arena)) {
		page->changed++;
		done = forgetting->is_dry_run || write_letter(call, rows, row, &letter, again);
	}
	PQfreemem(data);
	return done;
}

/* ---- attempts ---- */

enum attempt_column { OF_LETTER, ATTEMPT, EDITS, WHY, OF_MESSAGE };

static bool forget_in_attempt(const struct forget_call *call, struct letters_page *page, const PGresult *rows,
			      int row, bool *again)
{
	const struct forgetting *forgetting = call->forgetting;
	struct forgettable_attempt attempt = {PQgetvalue(rows, row, EDITS), text_at(rows, row, WHY),
					      text_at(rows, row, OF_MESSAGE)};
	int64_t changed;

	(void)again;
	arena_clear(call->arena);
	if (!forgetting->rules->attempt(&forgetting->order, &attempt, call->arena))
		return true;
	page->changed++;
	return forgetting->is_dry_run ||
	       forget_count_changed(call, sql_replace_attempt, 5,
				    (const char *[]){PQgetvalue(rows, row, OF_LETTER),
						     PQgetvalue(rows, row, ATTEMPT), attempt.edits,
						     attempt.reason, attempt.message_id},
				    &changed);
}

/* ---- pages ---- */

struct walk {
	const char *read; /* the rows after a key of two numbers */
	bool (*forget_in_row)(const struct forget_call *call, struct letters_page *page, const PGresult *rows,
			      int row, bool *again);
	struct letters_page page;
};

static bool forget_in_page(const struct forget_call *call, void *context, bool *again)
{
	struct walk *walk = context;
	struct letters_page *page = &walk->page;
	const char *const after[] = {page->after[0], page->after[1]};
	PGresult *rows = blocking_client_query(call->client, walk->read, 2, after);
	bool done = rows;

	page->rows = page->changed = 0;
	for (int row = 0; done && row < PQntuples(rows); row++, page->rows++)
		done = walk->forget_in_row(call, page, rows, row, again);
	for (int i = 0; done && page->rows && i < 2; i++)
		snprintf(page->last[i], sizeof page->last[i], "%s", PQgetvalue(rows, (int)page->rows - 1, i));
	PQclear(rows);
	return done;
}

static bool walk_through(const struct forget_call *call, struct walk *walk, enum forget_place place)
{
	do {
		if (!forget_in_transaction(call, forget_in_page, walk))
			return false;
		memcpy(walk->page.after, walk->page.last, sizeof walk->page.after);
		call->forgetting->replaced[place] += walk->page.changed;
		call->forgetting->progress(call->forgetting);
	} while (walk->page.rows);
	return true;
}

bool forget_in_letters(const struct forget_call *call)
{
	struct walk walk = {sql_read_letters_page, forget_in_letter, {.after = {"0", "0"}}};

	return walk_through(call, &walk, PLACE_DEAD_LETTERS);
}

bool forget_in_history(const struct forget_call *call)
{
	struct walk walk = {sql_read_attempts_page, forget_in_attempt, {.after = {"0", "0"}}};

	return walk_through(call, &walk, PLACE_HISTORY);
}
