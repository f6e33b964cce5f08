/*
 * Renews the outbox in one transaction.
 *
 * Consumers of the lost database may have heard other events of the versions that this one gives now.  So
 * each event that this one has not published gets the new epoch, even if it was written before.  Workers
 * commit meanwhile: their rows are written anew, too, the last ones while the heads are locked.
 */
#include "adapters/postgres/tools/renewal.h"

#include "bus/unit_of_work/outbox_frame.h"
#include "core/partition.h"
#include "tools_sql.h"

#include <inttypes.h>
#include <stdio.h>

/* A number of 64 bits in decimal, and a comma. */
#define END_SIZE 21

struct renewing {
	struct blocking_client *client;
	event_renewal *renew;
	int64_t epoch;
	int64_t position[PARTITIONS]; /* the rows up to here are published, or written anew */
	struct arena *arena;          /* holds what concerns one row */
};

/* ---- one row ---- */

/* Returns the number of each event's last byte in their frame, as an array of Postgres. */
static const char *ends_of(struct arena *arena, const struct outgoing *events, size_t count)
{
	char *text = arena_alloc(arena, count * END_SIZE + 2), *at = text;
	size_t end = 0;

	for (size_t i = 0; i < count; i++) {
		end += outbox_frame_size(&events[i]);
		at += sprintf(at, "%c%zu", i ? ',' : '{', end);
	}
	at[0] = '}';
	at[1] = '\0';
	return text;
}

static bool write_row(const struct renewing *renewing, const char *const key[2],
		      const struct outgoing *events, size_t count)
{
	struct bytes frame = outbox_frame_encode(renewing->arena, events, count);
	const char *const params[] = {key[0], key[1], blocking_client_hexadecimal(renewing->arena, frame),
				      ends_of(renewing->arena, events, count)};
	PGresult *done = blocking_client_query(renewing->client, sql_rewrite_row, 4, params);

	PQclear(done);
	return done;
}

static bool renew_events(const struct renewing *renewing, struct outgoing *events, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (events[i].type == MSG_NONE)
			return blocking_client_fail(renewing->client,
						    "a newer program wrote events that this one does not "
						    "know: renew the outbox with that program");
		renewing->renew(&events[i], renewing->epoch, renewing->arena);
	}
	return true;
}

/* A damaged row stays as it is: `allocd verify` finds it. */
static bool renew_row(const struct renewing *renewing, const char *const key[2], const PGresult *row)
{
	struct outgoing *events = NULL;
	struct bytes frame;
	unsigned char *data = blocking_client_bytea(row, 0, 1, &frame.size);
	size_t count = 0;
	bool done = true;

	frame.data = data;
	if (outbox_frame_decode(renewing->arena, frame, &events, &count) && count)
		done = renew_events(renewing, events, count) && write_row(renewing, key, events, count);
	PQfreemem(data);
	return done;
}

/* ---- all rows that are not published ---- */

/* Rows are read one by one, because a frame can hold megabytes. */
static bool renew_partition(struct renewing *renewing, int partition)
{
	char number[8], position[24];
	const char *const key[] = {number, position};
	bool done = true;

	snprintf(number, sizeof number, "%d", partition);
	for (bool more = true; done && more;) {
		PGresult *row;

		snprintf(position, sizeof position, "%" PRId64, renewing->position[partition]);
		row = blocking_client_query(renewing->client, sql_next_row, 2, key);
		more = row && PQntuples(row) > 0;
		if (more) {
			arena_clear(renewing->arena);
			renewing->position[partition] = blocking_client_number(row, 0, 0);
			snprintf(position, sizeof position, "%" PRId64, renewing->position[partition]);
		}
		done = row && (!more || renew_row(renewing, key, row));
		PQclear(row);
	}
	return done;
}

static bool renew_rows(struct renewing *renewing)
{
	for (int partition = 0; partition < PARTITIONS; partition++) {
		if (!renew_partition(renewing, partition))
			return false;
	}
	return true;
}

/* ---- the renewal ---- */

static bool begin_epoch(struct renewing *renewing)
{
	PGresult *locked = blocking_client_query(renewing->client, sql_lock_installation, 0, NULL);
	PGresult *began = locked ? blocking_client_query(renewing->client, sql_begin_epoch, 0, NULL) : NULL;

	for (int row = 0; began && row < PQntuples(began); row++) {
		renewing->epoch = blocking_client_number(began, row, 0);
		renewing->position[blocking_client_number(began, row, 1)] =
			blocking_client_number(began, row, 2);
	}
	PQclear(locked);
	PQclear(began);
	return began;
}

static bool finish(const struct renewing *renewing, struct renewal *renewal)
{
	PGresult *row = blocking_client_query(renewing->client, sql_renew_incarnation, 0, NULL);

	if (row) {
		snprintf(renewal->before, sizeof renewal->before, "%s", PQgetvalue(row, 0, 0));
		snprintf(renewal->after, sizeof renewal->after, "%s", PQgetvalue(row, 0, 1));
		renewal->epoch = renewing->epoch;
	}
	PQclear(row);
	return row && blocking_client_execute(renewing->client, "commit");
}

bool postgres_renew(struct blocking_client *client, event_renewal *renew, struct renewal *renewal)
{
	struct renewing renewing = {client, renew, .arena = arena_new(65536)};
	bool done;

	blocking_client_clear_deadline(client);
	done = blocking_client_begin_transaction(client, sql_begin_renewal) && begin_epoch(&renewing) &&
	       renew_rows(&renewing) && blocking_client_execute(client, sql_raise_epoch) &&
	       renew_rows(&renewing) && finish(&renewing, renewal);
	arena_free(&renewing.arena);
	return done;
}
