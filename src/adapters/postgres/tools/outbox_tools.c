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

static bool read_frame(const PGresult *rows, int row, frame_read *read, void *context)
{
	struct bytes frame;
	unsigned char *data = blocking_client_bytea(rows, row, 2, &frame.size);
	bool more;

	frame.data = data;
	more = read(context, blocking_client_number(rows, row, 0), frame);
	PQfreemem(data);
	return more;
}

bool postgres_read_events(struct blocking_client *client, const char *sku, int64_t from_version,
			  frame_read *read, void *context)
{
	char from[24];
	const char *const params[] = {sku, from};

	for (bool more = true; more;) {
		PGresult *rows;
		int count;

		snprintf(from, sizeof from, "%lld", (long long)from_version);
		blocking_client_set_deadline(client, PATIENCE_MS);
		rows = blocking_client_query(client, sql_next_frames_of_sku, 2, params);
		if (!rows)
			return false;
		count = PQntuples(rows);
		more = count > 0;
		for (int row = 0; row < count && more; row++)
			more = read_frame(rows, row, read, context);
		if (more)
			from_version = blocking_client_number(rows, count - 1, 1) + 1;
		PQclear(rows);
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
