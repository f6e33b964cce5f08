/* The temporary tables of a session that rehearses. */
#include "adapters/postgres/tools/dry_run_commits.h"

/*
 * The real tables stay visible as stored_NAME.  Copying a product with very many lines takes longer than the
 * worker's statements may.  Keys of new rows are far above any real one.
 */
const char *const rehearse_setup[] = {
	"do $$ declare name text; begin"
	" foreach name in array array['units', 'inbox', 'products', 'batches', 'order_lines', 'shrinks',"
	" 'displaced_lines', 'allocations_view', 'notifications', 'dead_letters', 'dead_letter_history',"
	" 'dead_letter_totals', 'outbox', 'outbox_heads', 'outbox_cursors'] loop"
	" execute format('create temporary view stored_%1$s as select * from %1$s', name);"
	" execute format('create temporary table %1$s (like %1$s including all)', name);"
	" end loop; end $$",
	"create temporary sequence row_keys start with 4611686018427387904",
	"insert into outbox_heads select * from stored_outbox_heads",
	"insert into outbox_cursors select * from stored_outbox_cursors",
	"select set_config('statement_timeout', '5min', false),"
	" set_config('default_transaction_read_only', 'on', false)",
	NULL,
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

static void copy_dead_letters(struct query_pipeline *pipeline, const struct unit_of_work *uow)
{
	struct param *keys = query_array(query_pipeline_add(pipeline, COPY_DEAD_LETTERS), ARRAY_INT8);

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
