/* What became of a message: the inbox, the dead letters, and the rows of the outbox of the same commit. */
#include "adapters/postgres/outcome.h"

static const char find_outcomes[] =
	"with spent as ("
	" select message, source, outcome, '' as reason, handled_at as at from inbox where id = $1::text"
	"), refused as ("
	" select distinct on (message, source) message, source, outcome, reason, last_at as at"
	" from dead_letters where message_id = $1::text"
	" order by message, source, id desc"
	") select message, source, outcome, reason, at::text"
	" from (select * from spent"
	" union all"
	" select * from refused r where not exists ("
	" select from spent s where s.message = r.message and s.source = r.source)) as known"
	" where not exists (select from shrinks where cause = $1::text)"
	" order by at, message, source";

bool postgres_find_outcomes(struct dialogue *dialogue, const char *id, struct arena *arena,
			    struct known_outcome **outcomes, size_t *count)
{
	const char *const params[] = {id};
	PGresult *rows = dialogue_ask(dialogue, find_outcomes, 1, params);

	if (!rows)
		return false;
	*count = (size_t)PQntuples(rows);
	*outcomes = arena_alloc(arena, *count * sizeof **outcomes);
	for (int row = 0; row < PQntuples(rows); row++)
		(*outcomes)[row] = (struct known_outcome){
			.message = arena_strdup(arena, PQgetvalue(rows, row, 0)),
			.source = arena_strdup(arena, PQgetvalue(rows, row, 1)),
			.outcome = arena_strdup(arena, PQgetvalue(rows, row, 2)),
			.reason = arena_strdup(arena, PQgetvalue(rows, row, 3)),
			.at = arena_strdup(arena, PQgetvalue(rows, row, 4)),
		};
	PQclear(rows);
	return true;
}

/* ---- its events ---- */

/* Both the inbox's and the outbox's instants are those of their transaction. */
static const char frames_of_commit[] = "select product_id, last_version, frame from outbox"
				       " where committed_at = $1::timestamptz order by partition, position";

static const char next_of_product[] = "select product_id, last_version, frame from outbox"
				      " where product_id = $1::bigint and last_version > $2::bigint"
				      " order by last_version limit 1";

static bool show_frame(const PGresult *rows, int row, frame_heard *heard, void *context)
{
	struct bytes frame;
	unsigned char *data = dialogue_bytea(rows, row, 2, &frame.size);
	bool holds_some;

	frame.data = data;
	holds_some = heard(context, frame);
	PQfreemem(data);
	return holds_some;
}

/* The steps of a large shrink are commits of their own, and nothing else happens to its product meanwhile. */
static bool follow_product(struct dialogue *dialogue, const char *product, const char *version,
			   frame_heard *heard, void *context)
{
	const char *params[] = {product, version};
	PGresult *last = NULL, *next;
	bool holds_some = true;

	while (holds_some) {
		next = dialogue_ask(dialogue, next_of_product, 2, params);
		PQclear(last);
		if (!next)
			return false;
		holds_some = PQntuples(next) > 0 && show_frame(next, 0, heard, context);
		if (holds_some)
			params[1] = PQgetvalue(next, 0, 1);
		last = next;
	}
	PQclear(last);
	return true;
}

bool postgres_read_effects(struct dialogue *dialogue, const struct known_outcome *outcome, frame_heard *heard,
			   void *context)
{
	const char *const params[] = {outcome->at};
	PGresult *rows = dialogue_ask(dialogue, frames_of_commit, 1, params);
	bool done = rows;

	for (int row = 0; rows && done && row < PQntuples(rows); row++) {
		if (show_frame(rows, row, heard, context))
			done = follow_product(dialogue, PQgetvalue(rows, row, 0), PQgetvalue(rows, row, 1),
					      heard, context);
	}
	PQclear(rows);
	return done;
}
