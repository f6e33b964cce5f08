/*
 * Finds a message's outcome in the inbox and the dead letters, and its events in the rows of the outbox of
 * the same commit.
 */
#include "adapters/postgres/tools/outcome.h"

#include "tools_sql.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool postgres_find_outcomes(struct blocking_client *client, const char *id, struct arena *arena,
			    struct known_outcome **outcomes, size_t *count)
{
	const char *const params[] = {id};
	PGresult *rows = blocking_client_query(client, sql_find_outcomes, 1, params);

	if (!rows)
		return false;
	*count = (size_t)PQntuples(rows);
	*outcomes = arena_alloc(arena, *count * sizeof **outcomes);
	for (int row = 0; row < PQntuples(rows); row++)
		(*outcomes)[row] = (struct known_outcome){
			.id = id,
			.message = arena_strdup(arena, PQgetvalue(rows, row, 0)),
			.source = arena_strdup(arena, PQgetvalue(rows, row, 1)),
			.outcome = arena_strdup(arena, PQgetvalue(rows, row, 2)),
			.reason = arena_strdup(arena, PQgetvalue(rows, row, 3)),
			.at = blocking_client_number(rows, row, 4),
		};
	PQclear(rows);
	return true;
}

/* ---- its events ---- */

static bool show_frame(const PGresult *rows, int row, frame_found *found, void *context)
{
	struct bytes frame;
	unsigned char *data = blocking_client_bytea(rows, row, 2, &frame.size);
	bool holds_some;

	frame.data = data;
	holds_some = found(context, frame);
	PQfreemem(data);
	return holds_some;
}

/* The steps of a large shrink are commits of their own, and nothing else happens to its product meanwhile. */
static bool follow_product(struct blocking_client *client, const struct known_outcome *outcome,
			   const char *at, const PGresult *frames, int row, frame_found *found, void *context)
{
	const char *params[] = {PQgetvalue(frames, row, 0), PQgetvalue(frames, row, 1), outcome->id, at};
	PGresult *last = NULL, *next;
	bool holds_some = true;

	while (holds_some) {
		next = blocking_client_query(client, sql_next_frame_of_product, 4, params);
		PQclear(last);
		if (!next)
			return false;
		holds_some = PQntuples(next) > 0 && PQgetvalue(next, 0, 3)[0] == 'f' &&
			     show_frame(next, 0, found, context);
		if (holds_some)
			params[1] = PQgetvalue(next, 0, 1);
		last = next;
	}
	PQclear(last);
	return true;
}

bool postgres_read_effects(struct blocking_client *client, const struct known_outcome *outcome,
			   frame_found *found, void *context)
{
	char at[24];
	const char *const params[] = {at};
	PGresult *rows;
	bool done, holds_some = false;

	snprintf(at, sizeof at, "%" PRId64, outcome->at);
	rows = blocking_client_query(client, sql_frames_of_commit, 1, params);
	done = rows;
	for (int row = 0; rows && done && row < PQntuples(rows); row++) {
		holds_some |= show_frame(rows, row, found, context);
		if (row + 1 < PQntuples(rows) &&
		    !strcmp(PQgetvalue(rows, row, 0), PQgetvalue(rows, row + 1, 0)))
			continue;
		if (holds_some)
			done = follow_product(client, outcome, at, rows, row, found, context);
		holds_some = false;
	}
	PQclear(rows);
	return done;
}
