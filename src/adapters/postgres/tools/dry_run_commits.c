/* The temporary tables of a session for dry runs. */
#include "adapters/postgres/tools/dry_run_commits.h"

#include "tools_sql.h"

/* The real tables stay visible as stored_NAME. */
const char *const dry_run_setup[] = {
	sql_hide_tables, sql_create_row_keys, sql_copy_heads, sql_copy_cursors, sql_limit_dry_runs, NULL,
};

static void copy_products(struct query_pipeline *pipeline, const struct unit_of_work *uow)
{
	struct query *query = query_pipeline_add(pipeline, COPY_PRODUCTS);
	struct param *skus = query_array(query, ARRAY_TEXT), *references = query_array(query, ARRAY_TEXT);

	for (size_t i = 0; i < uow->product_count; i++)
		array_text(skus, uow->products[i]->sku);
	for (size_t i = 0; i < uow->batch_count; i++)
		array_text(references, uow->batches[i]->reference);
}

static void copy_inbox(struct query_pipeline *pipeline, const struct unit_of_work *uow)
{
	struct query *query = query_pipeline_add(pipeline, COPY_INBOX);
	struct param *sources = query_array(query, ARRAY_TEXT), *ids = query_array(query, ARRAY_TEXT);

	for (size_t i = 0; i < uow->inbox_count; i++) {
		array_text(sources, uow->inbox[i]->parts.source);
		array_text(ids, uow->inbox[i]->parts.id);
	}
}

static struct param *add_letters_query(struct query_pipeline *pipeline)
{
	return query_array(query_pipeline_add(pipeline, COPY_DEAD_LETTERS), ARRAY_INT8);
}

static void copy_dead_letters(struct query_pipeline *pipeline, const struct unit_of_work *uow)
{
	struct param *keys = add_letters_query(pipeline);

	for (size_t i = 0; i < uow->replay_count; i++)
		array_int8(keys, uow->replays[i]->delivery->replay->dead_letter);
}

void dry_run_copy_unit(struct query_pipeline *pipeline, const struct unit_of_work *uow)
{
	copy_products(pipeline, uow);
	copy_inbox(pipeline, uow);
	copy_dead_letters(pipeline, uow);
}

void dry_run_copy_owners(struct query_pipeline *pipeline, const struct resolved_batch *batches, size_t count)
{
	struct query *query = query_pipeline_add(pipeline, COPY_PRODUCTS);
	struct param *references;

	query_array(query, ARRAY_TEXT);
	references = query_array(query, ARRAY_TEXT);
	for (size_t i = 0; i < count; i++)
		array_text(references, batches[i].reference);
}

void dry_run_copy_orders(struct query_pipeline *pipeline, const struct process_start *starts, size_t count)
{
	struct query *spent = query_pipeline_add(pipeline, COPY_INBOX);
	struct param *sources = query_array(spent, ARRAY_TEXT), *ids = query_array(spent, ARRAY_TEXT),
		     *orders = query_array(query_pipeline_add(pipeline, COPY_ORDERS), ARRAY_TEXT),
		     *letters = add_letters_query(pipeline);

	for (size_t i = 0; i < count; i++) {
		if (starts[i].event->replay)
			array_int8(letters, starts[i].event->replay->dead_letter);
		array_text(sources, starts[i].event->inbox.source);
		array_text(ids, starts[i].event->inbox.id);
		array_text(orders, message_text(&starts[i].event->envelope.message, "orderid"));
	}
}
