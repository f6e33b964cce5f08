/*
 * Renews the outbox in one transaction.
 *
 * Consumers of the lost database may have heard other events of the versions that this one gives now.  So
 * each event that this one has not published gets the new epoch, even if it was written before.  Workers
 * commit meanwhile: their rows are written anew, too, the last ones while the heads are locked.
 */
#include "adapters/postgres/tools/renewal.h"

#include "adapters/postgres/tools/outbox_page.h"
#include "core/partition.h"
#include "tools_sql.h"

#include <stdio.h>

struct renewing {
	struct blocking_client *client;
	event_renewal *renew;
	int64_t epoch;
	bool has_unknown_event;
	int64_t position[PARTITIONS]; /* the rows up to here are published, or written anew */
	struct arena *arena;          /* holds what concerns one row */
};

/* ---- all rows that are not published ---- */

static bool renew_event(void *context, struct outgoing *event, struct arena *arena)
{
	struct renewing *renewing = context;
	const void *before = event->payload.data;

	if (event->type == MSG_NONE)
		renewing->has_unknown_event = true;
	else
		renewing->renew(event, renewing->epoch, arena);
	return event->payload.data != before;
}

static bool renew_partition(struct renewing *renewing, int partition)
{
	struct outbox_page page = {.partition = partition, .until = INT64_MAX};

	do {
		page.after = renewing->position[partition];
		if (!outbox_page_rewrite(renewing->client, &page, renew_event, renewing, renewing->arena))
			return false;
		if (page.rows && !page.changed)
			renewing->position[partition] = page.last;
	} while (page.rows);
	return !renewing->has_unknown_event ||
	       blocking_client_fail(renewing->client,
				    "a newer program wrote events that this one does not know: "
				    "renew the outbox with that program");
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

static bool give_to(struct blocking_client *client, const char *prefix)
{
	PGresult *answer = prefix ? blocking_client_query(client, sql_give_to_prefix, 1, &prefix) : NULL;
	bool done = answer || !prefix;

	PQclear(answer);
	return done;
}

bool postgres_renew(struct blocking_client *client, event_renewal *renew, const char *prefix,
		    struct renewal *renewal)
{
	struct renewing renewing = {client, renew, .arena = arena_new(65536)};
	bool done;

	blocking_client_clear_deadline(client);
	done = blocking_client_begin_transaction(client, sql_begin_renewal) && begin_epoch(&renewing) &&
	       renew_rows(&renewing) && blocking_client_execute(client, sql_raise_epoch) &&
	       renew_rows(&renewing) && give_to(client, prefix) && finish(&renewing, renewal);
	arena_free(&renewing.arena);
	return done;
}
