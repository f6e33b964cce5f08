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
#include <stdlib.h>

#define SECTION_NUMBERS 5

struct renewing {
	struct blocking_client *client;
	event_renewal *renew;
	int64_t epoch;
	int64_t position[PARTITIONS]; /* the rows up to here are published, or written anew */
	struct arena *arena;          /* holds what concerns one row */
};

/* ---- one row ---- */

/*
 * Returns the `sections` of a row (see 0008_outbox_by_partition.sql) whose events have other sizes now, or
 * NULL if they do not fit the events.
 */
static const char *renewed_sections(struct arena *arena, const char *sections, const struct outgoing *events,
				    size_t count)
{
	const char *text = "{";
	size_t bytes = 0;

	while (*sections == '{' || *sections == ',') {
		int64_t numbers[SECTION_NUMBERS];
		size_t part;

		for (int i = 0; i < SECTION_NUMBERS; i++) {
			char *end;

			numbers[i] = strtoll(sections + 1, &end, 10);
			sections = end;
		}
		part = (size_t)(numbers[2] - numbers[1]) + 1;
		if (part > count)
			return NULL;
		bytes += outbox_frame_size(events, part);
		text = arena_printf(arena, "%s%s%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%zu", text,
				    text[1] ? "," : "", numbers[0], numbers[1], numbers[2], numbers[3],
				    bytes);
		events += part;
		count -= part;
	}
	return count ? NULL : arena_printf(arena, "%s}", text);
}

static const char *hexadecimal(struct arena *arena, struct bytes bytes)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *data = bytes.data;
	char *text = arena_alloc(arena, 2 * bytes.size + 3), *end = text;

	*end++ = '\\';
	*end++ = 'x';
	for (size_t i = 0; i < bytes.size; i++) {
		*end++ = digits[data[i] >> 4];
		*end++ = digits[data[i] & 15];
	}
	*end = '\0';
	return text;
}

static bool write_row(const struct renewing *renewing, const char *const key[2], const char *sections,
		      const struct outgoing *events, size_t count)
{
	const char *const params[] = {
		key[0], key[1], sections,
		hexadecimal(renewing->arena, outbox_frame_encode(renewing->arena, events, count))};
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
	bool has_sections = !PQgetisnull(row, 0, 1), done = true;
	struct outgoing *events = NULL;
	const char *sections = NULL;
	struct bytes frame;
	unsigned char *data = blocking_client_bytea(row, 0, 2, &frame.size);
	size_t count = 0;

	frame.data = data;
	if (outbox_frame_decode(renewing->arena, frame, &events, &count)) {
		done = renew_events(renewing, events, count);
		if (has_sections)
			sections = renewed_sections(renewing->arena, PQgetvalue(row, 0, 1), events, count);
		if (done && (sections || !has_sections))
			done = write_row(renewing, key, sections, events, count);
	}
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
