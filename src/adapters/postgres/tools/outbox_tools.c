/* Operators' queries of the outbox. */
#include "adapters/postgres/tools/outbox_tools.h"

#include "tools_sql.h"

#include <stdio.h>

#define PATIENCE_MS 30000

bool postgres_find_events(struct blocking_client *client, const char *sku, struct kept_events *kept)
{
	const char *const params[] = {sku};
	PGresult *row = blocking_client_query(client, sql_find_events, 1, params);

	*kept = (struct kept_events){0};
	if (row && PQntuples(row) > 0)
		*kept = (struct kept_events){true, blocking_client_number(row, 0, 0),
					     blocking_client_number(row, 0, 1)};
	PQclear(row);
	return row;
}

/* Frames are read one by one, because a frame can hold megabytes. */
bool postgres_read_events(struct blocking_client *client, const char *sku, int64_t from_version,
			  frame_read *read, void *context)
{
	char from[24];
	const char *const params[] = {sku, from};

	for (bool more = true; more;) {
		struct bytes frame;
		unsigned char *data;
		PGresult *row;

		snprintf(from, sizeof from, "%lld", (long long)from_version);
		blocking_client_set_deadline(client, PATIENCE_MS);
		row = blocking_client_query(client, sql_next_frame_of_sku, 2, params);
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
	PGresult *row = blocking_client_query(client, sql_count_unfinished_work, 0, NULL);

	if (row)
		*work = (struct unfinished_work){blocking_client_number(row, 0, 0),
						 blocking_client_number(row, 0, 1)};
	PQclear(row);
	return row;
}
