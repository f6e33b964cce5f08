/*
 * Rewrites a row of the outbox only if its frame is still the one that was read: retention deletes rows
 * meanwhile, and others rewrite them.
 */
#include "adapters/postgres/tools/outbox_page.h"

#include "tools_sql.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* A number of 64 bits in decimal, and a comma. */
#define NUMBER_SIZE 21

enum column { POSITION, EVENTS, FRAME };

/* Returns where each event ends in the frame, as an array of Postgres. */
static const char *ends_of(struct arena *arena, const struct rewritten_frame *rewritten)
{
	char *text = arena_alloc(arena, rewritten->count * NUMBER_SIZE + 2), *at = text;

	for (size_t i = 0; i < rewritten->count; i++)
		at += sprintf(at, "%c%zu", i ? ',' : '{', rewritten->ends[i]);
	at[0] = '}';
	at[1] = '\0';
	return text;
}

static bool write_row(struct blocking_client *client, struct outbox_page *page, const PGresult *rows, int row,
		      const struct rewritten_frame *rewritten, struct arena *arena)
{
	const char *const params[] = {
		arena_printf(arena, "%d", page->partition),
		PQgetvalue(rows, row, POSITION),
		blocking_client_hexadecimal(arena, rewritten->frame),
		ends_of(arena, rewritten),
		PQgetvalue(rows, row, FRAME),
	};
	PGresult *done = blocking_client_query(client, sql_rewrite_row, 5, params);

	if (done)
		page->changed += !strtol(PQcmdTuples(done), NULL, 10);
	PQclear(done);
	return done;
}

static bool rewrite_row(struct blocking_client *client, struct outbox_page *page, const PGresult *rows,
			int row, event_rewrite *rewrite, void *context, struct arena *arena)
{
	int64_t events = blocking_client_number(rows, row, EVENTS);
	struct rewritten_frame rewritten;
	struct bytes frame;
	unsigned char *data = blocking_client_bytea(rows, row, FRAME, &frame.size);
	bool done = true;

	frame.data = data;
	arena_clear(arena);
	if (!outbox_frame_rewrite(arena, frame, rewrite, context, &rewritten) ||
	    (events >= 0 && (int64_t)rewritten.count != events)) {
		page->damaged++;
	} else if (rewritten.rewritten) {
		page->events += (int64_t)rewritten.rewritten;
		done = page->is_dry_run || write_row(client, page, rows, row, &rewritten, arena);
	}
	PQfreemem(data);
	return done;
}

bool outbox_page_rewrite(struct blocking_client *client, struct outbox_page *page, event_rewrite *rewrite,
			 void *context, struct arena *arena)
{
	const char *const params[] = {arena_printf(arena, "%d", page->partition),
				      arena_printf(arena, "%" PRId64, page->after),
				      arena_printf(arena, "%" PRId64, page->until)};
	PGresult *rows = blocking_client_query(client, sql_read_outbox_page, 3, params);
	bool done = rows;

	page->rows = page->events = page->damaged = page->changed = 0;
	for (int row = 0; done && row < PQntuples(rows); row++) {
		page->rows++;
		page->last = blocking_client_number(rows, row, POSITION);
		done = rewrite_row(client, page, rows, row, rewrite, context, arena);
	}
	PQclear(rows);
	return done;
}
