/* The outbox as operators use it. */
#include "adapters/postgres/tools/outbox_tools.h"

#include <stdio.h>

#define PATIENCE_MS 30000

bool postgres_renew_incarnation(struct blocking_client *client, char before[INCARNATION_SIZE],
				char after[INCARNATION_SIZE])
{
	/* A cursor beyond its head is of the life that is lost. */
	static const char renew[] =
		"with before as (select incarnation from installation for update),"
		" sound as (update outbox_cursors c set position = h.position from outbox_heads h"
		" where h.partition = c.partition and c.position > h.position)"
		" update installation i set incarnation = gen_random_uuid()"
		" from before returning before.incarnation, i.incarnation";
	PGresult *row = blocking_client_ask(client, renew, 0, NULL);

	if (row) {
		snprintf(before, INCARNATION_SIZE, "%s", PQgetvalue(row, 0, 0));
		snprintf(after, INCARNATION_SIZE, "%s", PQgetvalue(row, 0, 1));
	}
	PQclear(row);
	return row;
}

bool postgres_find_events(struct blocking_client *client, const char *sku, struct kept_events *kept)
{
	static const char find[] =
		"select p.version, (select o.first_version from outbox o where o.product_id = p.id"
		" order by o.last_version limit 1)"
		" from products p where p.sku = $1::text";
	const char *const params[] = {sku};
	PGresult *row = blocking_client_ask(client, find, 1, params);

	*kept = (struct kept_events){0};
	if (row && PQntuples(row) > 0)
		*kept = (struct kept_events){true, blocking_client_number(row, 0, 0),
					     blocking_client_number(row, 0, 1)};
	PQclear(row);
	return row;
}

/* One by one: a frame can hold megabytes. */
bool postgres_read_events(struct blocking_client *client, const char *sku, int64_t from_version,
			  frame_read *read, void *context)
{
	static const char next[] = "select o.first_version, o.last_version, o.frame"
				   " from products p join outbox o on o.product_id = p.id"
				   " where p.sku = $1::text and o.last_version >= $2::bigint"
				   " order by o.last_version limit 1";
	char from[24];
	const char *const params[] = {sku, from};

	for (bool more = true; more;) {
		struct bytes frame;
		unsigned char *data;
		PGresult *row;

		snprintf(from, sizeof from, "%lld", (long long)from_version);
		blocking_client_be_patient(client, PATIENCE_MS);
		row = blocking_client_ask(client, next, 2, params);
		if (!row)
			return false;
		more = PQntuples(row) > 0;
		if (more) {
			data = blocking_client_bytea(row, 0, 2, &frame.size);
			frame.data = data;
			more = read(context, blocking_client_number(row, 0, 0), frame);
			PQfreemem(data);
			from_version = blocking_client_number(row, 0, 1) + 1;
		}
		PQclear(row);
	}
	return true;
}

bool postgres_find_unfinished(struct blocking_client *client, struct unfinished_work *work)
{
	static const char count[] = "select (select coalesce(sum(h.position - c.position), 0)"
				    " from outbox_heads h join outbox_cursors c using (partition)),"
				    " (select count(*) from shrinks)";
	PGresult *row = blocking_client_ask(client, count, 0, NULL);

	if (row)
		*work = (struct unfinished_work){blocking_client_number(row, 0, 0),
						 blocking_client_number(row, 0, 1)};
	PQclear(row);
	return row;
}
