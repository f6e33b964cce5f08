/* Copies all tables, and puts a copy in their place. */
#include "adapters/memory/database/backup.h"

#include "adapters/memory/database/locks.h"
#include "adapters/memory/simulation/lost.h"

#include <string.h>

/* ---- copies ---- */

/* Copies the array with room as arena_grow() expects it. */
static void *copied_array(struct arena *arena, const void *array, size_t count, size_t element_size)
{
	size_t capacity = 8;
	void *copy;

	if (!count)
		return NULL;
	while (capacity < count)
		capacity *= 2;
	copy = arena_alloc(arena, capacity * element_size);
	memcpy(copy, array, count * element_size);
	return copy;
}

#define COPY_ARRAY(database, array, count)                                                                   \
	((database)->array = copied_array((database)->arena, (database)->array, (database)->count,           \
					  sizeof *(database)->array))

/* The same for an array of pointers to rows, which are copied, too. */
#define COPY_ROWS(database, list, count)                                                                     \
	do {                                                                                                 \
		COPY_ARRAY(database, list, count);                                                           \
		for (size_t i = 0; i < (database)->count; i++)                                               \
			(database)->list[i] = arena_copy((database)->arena, (database)->list[i],             \
							 sizeof *(database)->list[i]);                       \
	} while (0)

static void copy_batches(struct database *database, struct product_row *product)
{
	for (struct batch_row **link = &product->batches; *link; link = &(*link)->next) {
		*link = arena_copy(database->arena, *link, sizeof **link);
		map_put(&database->batches, (*link)->reference, *link);
	}
}

static void copy_lines(struct database *database, struct product_row *product)
{
	for (struct line_row **link = &product->lines; *link; link = &(*link)->next) {
		*link = arena_copy(database->arena, *link, sizeof **link);
		map_put(&database->lines,
			database_line_key(database->arena, (*link)->sku, (*link)->orderid, (*link)->qty),
			*link);
	}
}

static void copy_products(struct database *database)
{
	map_init(&database->products, database->arena);
	map_init(&database->batches, database->arena);
	map_init(&database->lines, database->arena);
	COPY_ROWS(database, product_list, product_count);
	for (size_t i = 0; i < database->product_count; i++) {
		struct product_row *product = database->product_list[i];

		map_put(&database->products, product->sku, product);
		copy_batches(database, product);
		copy_lines(database, product);
	}
}

static void copy_messages(struct database *database)
{
	map_init(&database->inbox, database->arena);
	COPY_ROWS(database, inbox_list, inbox_count);
	for (size_t i = 0; i < database->inbox_count; i++)
		map_put(&database->inbox, database->inbox_list[i]->key, database->inbox_list[i]);
	map_init(&database->witnesses, database->arena);
	COPY_ROWS(database, witness_list, witness_count);
	for (size_t i = 0; i < database->witness_count; i++)
		map_put(&database->witnesses, database->witness_list[i]->key, database->witness_list[i]);
	COPY_ARRAY(database, dead_letters, dead_letter_count);
	COPY_ARRAY(database, replays, replay_count);
	COPY_ROWS(database, processes, process_count);
}

static void copy_effects(struct database *database)
{
	map_init(&database->views, database->arena);
	COPY_ROWS(database, view_list, view_count);
	for (size_t i = 0; i < database->view_count; i++) {
		struct view_row *row = database->view_list[i];

		map_put(&database->views,
			database_line_key(database->arena, row->sku, row->orderid, row->qty), row);
	}
	COPY_ROWS(database, notifications, notification_count);
	for (int i = 0; i < PARTITIONS; i++) {
		struct outbox_partition *partition = &database->outbox[i];

		partition->rows = copied_array(database->arena, partition->rows, partition->count,
					       sizeof *partition->rows);
	}
}

static void copy_streams(struct database *database)
{
	struct map before = database->streams;

	map_init(&database->streams, database->arena);
	for (size_t i = 0; i < before.capacity; i++) {
		const struct map_slot *slot = &before.slots[i];

		if (slot->key)
			map_put(&database->streams, slot->key,
				arena_copy(database->arena, slot->value, sizeof(struct stream_row)));
	}
	COPY_ARRAY(database, blind_windows, blind_window_count);
	COPY_ARRAY(database, leases, lease_count);
	COPY_ARRAY(database, workers, worker_count);
}

/* ---- the backup ---- */

struct database *database_back_up(const struct database *database)
{
	struct database *backup = arena_copy(database->arena, database, sizeof *database);

	copy_products(backup);
	copy_messages(backup);
	copy_effects(backup);
	copy_streams(backup);
	return backup;
}

void database_restore(struct database *database, const struct database *backup)
{
	struct database before;

	lost_drop_all(database);
	locks_release_all(database);
	before = *database;
	*database = *backup;
	database->locks = before.locks;
	database->waiters = before.waiters;
	database->lost = before.lost;
	database->refused = before.refused;
	database->refused_count = before.refused_count;
	database->broken = before.broken;
	database->ahead_us = before.ahead_us;
	database->timeline = before.timeline;
	database->server = before.server + 1;
	database->down = false;
}
