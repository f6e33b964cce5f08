/*
 * Replaces the id in the events of the outbox, page by page.  A row is replaced only if its frame is still
 * the one that was read: retention deletes rows meanwhile, and a renewal writes them anew.
 */
#include "adapters/postgres/forget/forget_internal.h"
#include "bus/unit_of_work/outbox_frame.h"
#include "core/partition.h"
#include "tools_sql.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SECTION_NUMBERS 5

/* Of a page: what it counts is added once it is committed. */
struct outbox_page {
	char partition[8], after[24], head[24];
	int64_t rows, events, damaged;
	char last[24];
};

/* ---- one row ---- */

static const char *end_now(struct arena *arena, const struct rewritten_frame *rewritten, int64_t before)
{
	for (size_t i = 0; i < rewritten->count; i++) {
		if (rewritten->ends[i].before == (size_t)before)
			return arena_printf(arena, "%zu", rewritten->ends[i].now);
	}
	return NULL;
}

/*
 * The `sections` of the row (see 0008_outbox_by_partition.sql) with the new ends of its parts; NULL if one
 * does not end with an event.
 */
static const char *sections_now(struct arena *arena, const char *sections,
				const struct rewritten_frame *rewritten)
{
	const char *text = "{";

	for (int i = 1; *sections == '{' || *sections == ','; i++) {
		char *after;
		int64_t number = strtoll(sections + 1, &after, 10);
		const char *now = i % SECTION_NUMBERS ? arena_printf(arena, "%" PRId64, number)
						      : end_now(arena, rewritten, number);

		if (!now)
			return NULL;
		text = arena_printf(arena, "%s%s%s", text, i > 1 ? "," : "", now);
		sections = after;
	}
	return arena_printf(arena, "%s}", text);
}

static bool rewrite_event(void *context, struct bytes *payload, struct arena *arena)
{
	const struct forget_call *call = context;

	return call->forgetting->rules->event(&call->forgetting->order, payload, arena);
}

static bool write_row(const struct forget_call *call, const struct outbox_page *page, const PGresult *rows,
		      int row, const struct rewritten_frame *rewritten, const char *sections, bool *again)
{
	const char *const params[] = {page->partition, PQgetvalue(rows, row, 0), sections,
				      blocking_client_hexadecimal(call->arena, rewritten->frame),
				      PQgetvalue(rows, row, 2)};
	int64_t changed = 0;

	if (!forget_count_changed(call, sql_replace_row, 5, params, &changed))
		return false;
	*again = *again || !changed;
	return true;
}

static bool forget_in_row(const struct forget_call *call, struct outbox_page *page, const PGresult *rows,
			  int row, bool *again)
{
	bool has_sections = !PQgetisnull(rows, row, 1), is_whole;
	struct rewritten_frame rewritten;
	const char *sections = NULL;
	struct bytes frame;
	unsigned char *data = blocking_client_bytea(rows, row, 2, &frame.size);
	struct forget_call copy = *call;
	bool done = true;

	frame.data = data;
	arena_clear(call->arena);
	is_whole = outbox_frame_rewrite(call->arena, frame, rewrite_event, &copy, &rewritten);
	if (is_whole && rewritten.rewritten && has_sections) {
		sections = sections_now(call->arena, PQgetvalue(rows, row, 1), &rewritten);
		is_whole = sections;
	}
	page->damaged += !is_whole;
	if (is_whole && rewritten.rewritten) {
		page->events += (int64_t)rewritten.rewritten;
		done = call->forgetting->is_dry_run ||
		       write_row(call, page, rows, row, &rewritten, sections, again);
	}
	PQfreemem(data);
	return done;
}

/* ---- pages ---- */

static bool forget_in_page(const struct forget_call *call, void *context, bool *again)
{
	struct outbox_page *page = context;
	const char *const params[] = {page->partition, page->after, page->head};
	PGresult *rows = blocking_client_query(call->client, sql_read_outbox_page, 3, params);
	bool done = rows;

	page->rows = page->events = page->damaged = 0;
	for (int row = 0; done && row < PQntuples(rows); row++, page->rows++)
		done = forget_in_row(call, page, rows, row, again);
	if (done && page->rows)
		snprintf(page->last, sizeof page->last, "%s", PQgetvalue(rows, (int)page->rows - 1, 0));
	PQclear(rows);
	return done;
}

static bool forget_in_partition(const struct forget_call *call, const PGresult *heads, int row)
{
	struct forgetting *forgetting = call->forgetting;
	struct outbox_page page = {.after = "0"};

	snprintf(page.partition, sizeof page.partition, "%s", PQgetvalue(heads, row, 0));
	snprintf(page.head, sizeof page.head, "%s", PQgetvalue(heads, row, 1));
	do {
		if (!forget_in_transaction(call, forget_in_page, &page))
			return false;
		snprintf(page.after, sizeof page.after, "%s", page.last);
		forgetting->rows_read += page.rows;
		forgetting->rows_damaged += page.damaged;
		forgetting->replaced[PLACE_OUTBOX] += page.events;
		forgetting->progress(forgetting);
	} while (page.rows);
	return true;
}

/* The heads are read after the lines were replaced: later rows do not have the id. */
bool forget_in_outbox(const struct forget_call *call)
{
	PGresult *heads = blocking_client_query(call->client, sql_read_heads, 0, NULL);
	bool done = heads;

	for (int row = 0; done && row < PQntuples(heads); row++)
		done = forget_in_partition(call, heads, row);
	PQclear(heads);
	return done;
}
