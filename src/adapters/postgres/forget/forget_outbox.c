/* Replaces the id in the events of the outbox, page by page. */
#include "adapters/postgres/forget/forget_internal.h"
#include "adapters/postgres/tools/outbox_page.h"
#include "tools_sql.h"

static bool rewrite_event(void *context, struct outgoing *event, struct arena *arena)
{
	const struct forgetting *forgetting = context;

	return forgetting->rules->event(&forgetting->order, event, arena);
}

static bool forget_in_page(const struct forget_call *call, void *context, bool *again)
{
	struct outbox_page *page = context;
	bool done = outbox_page_rewrite(call->client, page, rewrite_event, call->forgetting, call->arena);

	*again = page->changed;
	return done;
}

static bool forget_in_partition(const struct forget_call *call, const PGresult *heads, int row)
{
	struct forgetting *forgetting = call->forgetting;
	struct outbox_page page = {
		.partition = (int)blocking_client_number(heads, row, 0),
		.until = blocking_client_number(heads, row, 1),
		.is_dry_run = forgetting->is_dry_run,
	};

	do {
		if (!forget_in_transaction(call, forget_in_page, &page))
			return false;
		page.after = page.last;
		forgetting->rows_read += page.rows;
		forgetting->rows_damaged += page.damaged;
		forgetting->replaced[PLACE_OUTBOX] += page.events;
		forgetting->progress(forgetting);
	} while (page.rows);
	return true;
}

/* The heads are read after the lines were replaced: later rows do not have the id. */
bool forget_in_outbox(const struct forget_call *call)
{
	PGresult *heads = blocking_client_query(call->client, sql_read_heads, 0, NULL);
	bool done = heads;

	for (int row = 0; done && row < PQntuples(heads); row++)
		done = forget_in_partition(call, heads, row);
	PQclear(heads);
	return done;
}
