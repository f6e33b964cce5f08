/* Creates the tables and finds their rows. */
#include "adapters/memory/database/database.h"

#include "adapters/memory/database/locks.h"
#include "adapters/memory/simulation/lost.h"
#include "core/base/must.h"

#include <stdio.h>
#include <string.h>

/* The database's clock when the simulation begins: 2024-01-01T00:00:00Z. */
#define EPOCH_US (INT64_C(1704067200) * 1000000)

struct database *database_new(struct simulation *simulation, const struct database_config *config)
{
	struct database *database = must_alloc(sizeof *database);

	database->simulation = simulation;
	database->config = *config;
	database->arena = arena_new((size_t)64 * 1024);
	map_init(&database->products, database->arena);
	map_init(&database->batches, database->arena);
	map_init(&database->lines, database->arena);
	map_init(&database->inbox, database->arena);
	map_init(&database->witnesses, database->arena);
	map_init(&database->views, database->arena);
	database_renew(database);
	database_promote(database);
	map_init(&database->streams, database->arena);
	return database;
}

void database_free(struct database **database)
{
	if (!*database)
		return;
	lost_drop_all(*database);
	locks_drop_all(*database);
	arena_free(&(*database)->arena);
	free(*database);
	*database = NULL;
}

int64_t database_now(const struct database *database)
{
	return EPOCH_US + simulation_now_ms(database->simulation) * 1000 + database->ahead_us;
}

/* The parts are separated by the byte 0xff, which occurs in no text. */
const char *database_line_key(struct arena *arena, const char *sku, const char *orderid, int32_t qty)
{
	return arena_printf(arena, "%s\xff%s\xff%d", sku, orderid, qty);
}

const char *database_witness_key(struct arena *arena, const unsigned char *witness)
{
	char *key = arena_alloc(arena, 2 * WITNESS_SIZE + 1);

	for (size_t i = 0; i < WITNESS_SIZE; i++) {
		key[2 * i] = "0123456789abcdef"[witness[i] >> 4];
		key[2 * i + 1] = "0123456789abcdef"[witness[i] & 15];
	}
	return key;
}

void database_insert_witness(struct database *database, const char *key, bool committed)
{
	struct witness_row *row = arena_alloc(database->arena, sizeof *row);

	*row = (struct witness_row){.key = arena_strdup(database->arena, key),
				    .at = database_now(database),
				    .committed = committed};
	map_put(&database->witnesses, row->key, row);
	database->witness_list = arena_grow(database->arena, database->witness_list, database->witness_count,
					    sizeof *database->witness_list);
	database->witness_list[database->witness_count++] = row;
}

void database_move_cursor(struct database *database, const struct cursor *cursor)
{
	struct outbox_partition *partition = &database->outbox[cursor->partition];

	if (cursor->epoch == database->lives && partition->cursor < cursor->position &&
	    cursor->position <= (int64_t)partition->count)
		partition->cursor = cursor->position;
}

/* ---- for tests ---- */

void database_refuse_as(struct database *database, const char *text, enum failure_kind kind)
{
	database->refused = arena_grow(database->arena, database->refused, database->refused_count,
				       sizeof *database->refused);
	database->refused[database->refused_count++] =
		(struct refusal){arena_strdup(database->arena, text), kind};
}

void database_refuse(struct database *database, const char *text)
{
	database_refuse_as(database, text, FAILURE_DATA);
}

struct refusal *database_refusal(const struct database *database, const char *text)
{
	for (size_t i = 0; i < database->refused_count; i++) {
		struct refusal *refusal = &database->refused[i];

		if (refusal->text && !strcmp(refusal->text, text))
			return refusal;
	}
	return NULL;
}

void database_accept(struct database *database, const char *text)
{
	for (struct refusal *refusal; (refusal = database_refusal(database, text));)
		refusal->text = NULL;
}

/* Its address identifies the other session as a holder of locks. */
static const char other_session;

void database_lock_product(struct database *database, const char *sku)
{
	struct lock_names names = {.arena = database->arena};

	lock_names_add(&names, "product", sku);
	locks_acquire(database, &names, &other_session);
}

void database_unlock_products(struct database *database)
{
	locks_release(database, &other_session);
}

void database_renew(struct database *database)
{
	snprintf(database->incarnation, sizeof database->incarnation, "00000000-0000-4000-8000-%012d",
		 ++database->lives);
}

void database_promote(struct database *database)
{
	database->timeline++;
}

void database_set_clock(struct database *database, int64_t ahead_us)
{
	database->ahead_us = ahead_us;
}

void database_set_down(struct database *database, bool down)
{
	database->down = down;
}

void database_set_broken(struct database *database, bool broken)
{
	database->broken = broken;
}

/* ---- what a test sees ---- */

struct product_row *database_product(const struct database *database, const char *sku)
{
	return map_get(&database->products, sku);
}

struct batch_row *database_batch(const struct database *database, const char *reference)
{
	return map_get(&database->batches, reference);
}

int32_t database_purchased(const struct database *database, const char *reference)
{
	return database_batch(database, reference)->purchased;
}

int32_t database_allocated(const struct database *database, const char *reference)
{
	return database_batch(database, reference)->allocated;
}

const char *database_owner_of_batch(const struct database *database, const char *reference)
{
	return database_batch(database, reference)->sku;
}

int64_t database_version(const struct database *database, const char *sku)
{
	return database_product(database, sku)->version;
}

int64_t database_revision(const struct database *database, const char *sku)
{
	return database_product(database, sku)->revision;
}

struct line_row *database_line(const struct database *database, const char *sku, const char *orderid,
			       int32_t qty)
{
	struct arena *scratch = arena_new(1024);
	struct line_row *line = map_get(&database->lines, database_line_key(scratch, sku, orderid, qty));

	arena_free(&scratch);
	return line && (line->batchref || line->displaced) ? line : NULL;
}

struct inbox_row *database_inbox(const struct database *database, const char *key)
{
	struct inbox_row *row = map_get(&database->inbox, key);

	return row && !row->deleted ? row : NULL;
}

struct stream_row *database_stream(const struct database *database, const char *name)
{
	return map_get(&database->streams, name);
}

struct lease_row *database_lease(const struct database *database, const char *name)
{
	for (size_t i = 0; i < database->lease_count; i++) {
		if (!strcmp(database->leases[i].name, name))
			return &database->leases[i];
	}
	return NULL;
}

struct view_row *database_view(const struct database *database, const char *sku, const char *orderid,
			       int32_t qty)
{
	struct arena *scratch = arena_new(1024);
	struct view_row *view = map_get(&database->views, database_line_key(scratch, sku, orderid, qty));

	arena_free(&scratch);
	return view && view->batchref ? view : NULL;
}

size_t database_inbox_count(const struct database *database)
{
	size_t count = 0;

	for (size_t i = 0; i < database->inbox_count; i++)
		count += !database->inbox_list[i]->deleted;
	return count;
}

size_t database_notification_count(const struct database *database)
{
	size_t count = 0;

	for (size_t i = 0; i < database->notification_count; i++)
		count += !database->notifications[i]->deleted;
	return count;
}

size_t database_process_count(const struct database *database)
{
	size_t count = 0;

	for (size_t i = 0; i < database->process_count; i++)
		count += !database->processes[i]->deleted;
	return count;
}
