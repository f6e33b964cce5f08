/* Writes a flush's changes into the tables; new rows stay where the changes are. */
#include "adapters/memory/database/changes.h"

#include "adapters/memory/database/processes.h"
#include "bus/ports/chores_store.h"
#include "core/product_repository.h"

#include <assert.h>
#include <string.h>

/* Makes room for one more element at the end of database->array, and counts it. */
#define ADD(database, array, counter)                                                                        \
	((database)->array = arena_grow((database)->arena, (database)->array, (database)->counter,           \
					sizeof *(database)->array),                                          \
	 &(database)->array[(database)->counter++])

static void apply_inbox(const struct changes *changes, struct database *database)
{
	size_t before = database->inbox_count;

	for (size_t i = 0; i < changes->inbox_count; i++) {
		struct inbox_row *row = &changes->inbox[i];

		row->handled_at = database_now(database);
		row->loaded_after = changes->loaded_after;
		row->committed_after = before;
		map_put(&database->inbox, row->key, row);
		*ADD(database, inbox_list, inbox_count) = row;
	}
}

static struct product_row *new_product(struct database *database, const char *sku)
{
	struct product_row *row = arena_alloc(database->arena, sizeof *row);

	row->sku = sku;
	*ADD(database, product_list, product_count) = row;
	row->key = (int64_t)database->product_count;
	map_put(&database->products, row->sku, row);
	return row;
}

static void apply_products(const struct changes *changes, struct database *database)
{
	for (size_t i = 0; i < changes->product_count; i++) {
		const struct product_change *change = &changes->products[i];
		struct product_row *row = database_product(database, change->sku);

		if (!change->changed)
			continue;
		if (!row)
			row = new_product(database, change->sku);
		row->revision++;
		row->version = change->version;
		if (change->shrink_changed)
			row->shrink = change->shrink;
	}
}

static int compare_batches(const struct batch_row *a, const struct batch_row *b)
{
	return preference_compare((struct preference){a->eta, a->reference},
				  (struct preference){b->eta, b->reference});
}

static void insert_batch(struct database *database, struct batch_row *batch)
{
	struct batch_row **link = &database_product(database, batch->sku)->batches;

	while (*link && compare_batches(*link, batch) < 0)
		link = &(*link)->next;
	batch->next = *link;
	*link = batch;
	map_put(&database->batches, batch->reference, batch);
}

static void apply_batches(const struct changes *changes, struct database *database)
{
	for (size_t i = 0; i < changes->batch_count; i++) {
		struct batch_row *row = &changes->batches[i].row;
		struct batch_row *batch = database_batch(database, row->reference);

		if (changes->batches[i].is_new) {
			insert_batch(database, row);
			continue;
		}
		assert(batch && !strcmp(batch->sku, row->sku) && "a stored batch stays where it is");
		batch->purchased = row->purchased;
		batch->allocated = row->allocated;
		batch->changed_at = row->changed_at;
	}
}

static void insert_line(struct database *database, struct line_row *line, const char *key)
{
	struct product_row *product = database_product(database, line->sku);

	line->next = product->lines;
	product->lines = line;
	map_put(&database->lines, key, line);
}

static void apply_lines(const struct changes *changes, struct database *database)
{
	for (size_t i = 0; i < changes->line_count; i++) {
		struct line_row *row = &changes->lines[i].row;
		const char *key = database_line_key(database->arena, row->sku, row->orderid, row->qty);
		struct line_row *line = map_get(&database->lines, key);

		assert((changes->lines[i].is_new || (line && (line->batchref || line->displaced))) &&
		       "a stored line is there");
		if (!line) {
			insert_line(database, row, key);
			continue;
		}
		line->version = row->version;
		line->batchref = row->batchref;
		line->displaced = row->displaced;
	}
}

static void apply_views(const struct changes *changes, struct database *database)
{
	for (size_t i = 0; i < changes->view_count; i++) {
		struct view_row *row = &changes->views[i];
		const char *key = database_line_key(database->arena, row->sku, row->orderid, row->qty);
		struct view_row *view = map_get(&database->views, key);

		if (view) {
			view->batchref = row->batchref;
			continue;
		}
		map_put(&database->views, key, row);
		*ADD(database, view_list, view_count) = row;
	}
}

/* The worker that wrote a notification sends it; another worker may do so only after the lease. */
static void apply_notifications(struct changes *changes, struct database *database)
{
	for (size_t i = 0; i < changes->notification_count; i++) {
		struct notification_row *row = &changes->notifications[i];

		row->due_at = database_now(database) + INT64_C(1000000) * NOTIFICATION_LEASE;
		*ADD(database, notifications, notification_count) = row;
		row->key = (int64_t)database->notification_count;
	}
}

/* Replays of existing dead letters are applied before new dead letters displace them. */
static void apply_dead(const struct changes *changes, struct database *database)
{
	for (size_t i = 0; i < changes->replay_count; i++)
		database_replay(database, &changes->replays[i]);
	for (size_t i = 0; i < changes->dead_count; i++)
		database_add_dead_letter(database, &changes->dead[i]);
	database_cap_dead_letters(database);
}

static void apply_cursors(const struct changes *changes, struct database *database)
{
	for (size_t i = 0; i < changes->cursor_count; i++)
		database_move_cursor(database, &changes->cursors[i]);
}

/* Positions are assigned in the order of the commits, so they have no gaps. */
static void apply_outbox(struct changes *changes, struct database *database)
{
	for (size_t i = 0; i < changes->outbox_count; i++) {
		struct outbox_partition *partition = &database->outbox[changes->outbox[i].partition];
		struct stored_outbox_row *row;

		partition->rows = arena_grow(database->arena, partition->rows, partition->count, sizeof *row);
		row = &partition->rows[partition->count++];
		*row = changes->outbox[i].row;
		row->committed_at = database_now(database);
		changes->positions[i] = (int64_t)partition->count;
	}
}

void changes_apply(struct changes *changes, struct database *database)
{
	database_insert_witness(database, changes->witness, true);
	apply_inbox(changes, database);
	apply_products(changes, database);
	apply_batches(changes, database);
	apply_lines(changes, database);
	apply_views(changes, database);
	apply_notifications(changes, database);
	apply_dead(changes, database);
	for (size_t i = 0; i < changes->ended_count; i++)
		database_end_process(database, changes->ended[i]);
	apply_cursors(changes, database);
	apply_outbox(changes, database);
}
