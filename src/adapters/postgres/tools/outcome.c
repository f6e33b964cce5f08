/* What became of a message: the inbox, the dead letters, and the rows of the outbox of the same commit. */
#include "adapters/postgres/tools/outcome.h"

#include <inttypes.h>
#include <stdio.h>

/*
 * An entry of a stream is known by its own id, too: when it has no other one, that is what it spent, with its
 * stream and the stream's incarnation for a source (see delivery.h).
 *
 * What was refused before the id was spent is settled by that.  One commit has one time for both; then what
 * was refused because the id was spent came after it.
 */
static const char find_outcomes[] =
	"with spent as ("
	" select message, source, outcome, '' as reason, handled_at as at from inbox where id = $1::text"
	"), entries as ("
	" select d.* from streams s cross join generate_series(1, s.incarnation) as i(n)"
	" cross join lateral (select * from dead_letters d"
	" where d.place = s.name and d.incarnation = i.n and d.entry_id = $1::text) as d"
	" where d.message_id is distinct from $1::text"
	"), letters as ("
	" select message, source, outcome, reason, last_at as at, id"
	" from dead_letters where message_id = $1::text"
	" union all select message,"
	" case when message_id is null then format('%s %s', place, incarnation) else source end,"
	" outcome, reason, last_at, id from entries"
	"), refused as ("
	" select distinct on (message, source) message, source, outcome, reason, at"
	" from letters order by message, source, at desc, id desc"
	") select message, source, outcome, reason, (extract(epoch from at) * 1000000)::bigint"
	" from (select * from spent"
	" union all"
	" select * from refused r where not exists (select from spent s"
	" where s.source in (r.source, replace(r.source, ' ', '%20'))"
	" and (s.at > r.at or s.at = r.at and not starts_with(r.reason, 'id reused ')))) as known"
	" where not exists (select from shrinks where cause = $1::text)"
	" order by at, outcome in ('handled', 'skipped') desc, message, source";

bool postgres_find_outcomes(struct blocking_client *client, const char *id, struct arena *arena,
			    struct known_outcome **outcomes, size_t *count)
{
	const char *const params[] = {id};
	PGresult *rows = blocking_client_ask(client, find_outcomes, 1, params);

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

#define INSTANT(parameter) "timestamptz 'epoch' + " parameter "::bigint * interval '1 microsecond'"

/* Both the inbox's and the outbox's instants are those of their transaction. */
static const char frames_of_commit[] = "select product_id, last_version, frame from outbox"
				       " where committed_at = " INSTANT("$1") " order by partition, position";

/* The last column: that is the commit of another message, which has the id from another source. */
static const char next_of_product[] =
	"select product_id, last_version, frame, exists (select from inbox"
	" where id = $3::text and handled_at = committed_at and handled_at <> " INSTANT(
		"$4") ")"
		      " from outbox where product_id = $1::bigint and last_version > $2::bigint"
		      " order by last_version limit 1";

static bool show_frame(const PGresult *rows, int row, frame_heard *heard, void *context)
{
	struct bytes frame;
	unsigned char *data = blocking_client_bytea(rows, row, 2, &frame.size);
	bool holds_some;

	frame.data = data;
	holds_some = heard(context, frame);
	PQfreemem(data);
	return holds_some;
}

/* The steps of a large shrink are commits of their own, and nothing else happens to its product meanwhile. */
static bool follow_product(struct blocking_client *client, const struct known_outcome *outcome,
			   const char *at, const PGresult *frames, int row, frame_heard *heard, void *context)
{
	const char *params[] = {PQgetvalue(frames, row, 0), PQgetvalue(frames, row, 1), outcome->id, at};
	PGresult *last = NULL, *next;
	bool holds_some = true;

	while (holds_some) {
		next = blocking_client_ask(client, next_of_product, 4, params);
		PQclear(last);
		if (!next)
			return false;
		holds_some = PQntuples(next) > 0 && PQgetvalue(next, 0, 3)[0] == 'f' &&
			     show_frame(next, 0, heard, context);
		if (holds_some)
			params[1] = PQgetvalue(next, 0, 1);
		last = next;
	}
	PQclear(last);
	return true;
}

bool postgres_read_effects(struct blocking_client *client, const struct known_outcome *outcome,
			   frame_heard *heard, void *context)
{
	char at[24];
	const char *const params[] = {at};
	PGresult *rows;
	bool done;

	snprintf(at, sizeof at, "%" PRId64, outcome->at);
	rows = blocking_client_ask(client, frames_of_commit, 1, params);
	done = rows;
	for (int row = 0; rows && done && row < PQntuples(rows); row++) {
		if (show_frame(rows, row, heard, context))
			done = follow_product(client, outcome, at, rows, row, heard, context);
	}
	PQclear(rows);
	return done;
}
