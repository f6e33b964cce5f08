/* A store on Postgres: one connection, one call at a time. */
#include "adapters/postgres/store/pg_store.h"

#include "adapters/postgres/postgres.h"
#include "core/base/must.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define CHUNK_SIZE ((size_t)64 * 1024)

static const struct unit_store_ops unit_store_ops = {
	.load = store_load,
	.flush = store_flush,
	.resolve_commit = store_resolve_commit,
	.find_locked = store_find_locked,
	.find_lost_leases = store_find_lost_leases,
	.probe = store_probe,
};

static const struct batch_directory_ops batch_directory_ops = {.resolve = store_resolve};

static const struct process_store_ops process_store_ops = {.begin = store_begin_processes};

static const struct outbox_store_ops outbox_store_ops = {
	.read_cursors = store_read_cursors,
	.read_outbox = store_read_outbox,
	.save_cursors = store_save_cursors,
};

static const struct chores_store_ops chores_store_ops = {
	.probe = store_probe_for_chores,
	.claim_notifications = store_claim_notifications,
	.record_notification = store_record_notification,
	.split_notification = store_split_notification,
	.read_stock = store_read_stock,
	.find_active_shrinks = store_find_active_shrinks,
	.claim_processes = store_claim_processes,
	.clean_up = store_clean_up,
};

static struct postgres_store *new_store(const struct postgres_config *config, const char *name, unsigned use)
{
	struct postgres_store *store = must_alloc(sizeof *store);

	store->unit_store.ops = &unit_store_ops;
	store->unit_store.must_load = true; /* no keys are reserved yet */
	store->batch_directory.ops = &batch_directory_ops;
	store->process_store.ops = &process_store_ops;
	store->outbox_store.ops = &outbox_store_ops;
	store->chores_store.ops = &chores_store_ops;
	store->is_dry_run = config->is_dry_run;
	store->is_parking = use & FOR_PARKING;
	store->inbox_days = config->inbox_days;
	store->dead_letters_max = config->dead_letters_max;
	store->dead_letters_days = config->dead_letters_days;
	store->arena = arena_new(CHUNK_SIZE);
	query_pipeline_init(&store->pipeline, store->arena);
	store->connection = pg_connection_new(&(struct pg_connection_config){
		.base = config->base,
		.url = config->url,
		.servers = config->servers,
		.name = name,
		.logger = config->logger,
		.connections = config->connections,
		.use = use | (config->is_dry_run ? FOR_DRY_RUNS : 0),
		.losses = &store->unit_store.sessions_lost,
		.answer_timeout_ms = config->answer_timeout_ms,
		.start = config->start,
	});
	return store;
}

struct postgres_store *postgres_store_new(const struct postgres_config *config, const char *name)
{
	return new_store(config, name, FOR_STORES);
}

struct postgres_store *postgres_lane_store_new(const struct postgres_config *config)
{
	return new_store(config, "lane", FOR_UNITS | FOR_LANES);
}

struct postgres_store *postgres_parking_store_new(const struct postgres_config *config)
{
	return new_store(config, "parking", FOR_UNITS | FOR_PARKING);
}

struct postgres_store *postgres_intake_store_new(const struct postgres_config *config)
{
	return new_store(config, "intake", FOR_INTAKE);
}

struct postgres_store *postgres_publisher_store_new(const struct postgres_config *config)
{
	return new_store(config, "publisher", FOR_PUBLISHER);
}

struct postgres_store *postgres_chores_store_new(const struct postgres_config *config)
{
	return new_store(config, "housekeeper", FOR_CHORES);
}

void postgres_store_free(struct postgres_store **pointer)
{
	struct postgres_store *store = *pointer;

	if (!store)
		return;
	pg_connection_free(&store->connection);
	query_pipeline_clear(&store->pipeline);
	arena_free(&store->arena);
	free(store->keys);
	free(store);
	*pointer = NULL;
}

/* ---- its ports ---- */

struct unit_store *postgres_unit_store(struct postgres_store *store)
{
	return &store->unit_store;
}

struct batch_directory *postgres_batch_directory(struct postgres_store *store)
{
	return &store->batch_directory;
}

struct process_store *postgres_process_store(struct postgres_store *store)
{
	return &store->process_store;
}

struct outbox_store *postgres_outbox_store(struct postgres_store *store)
{
	return &store->outbox_store;
}

struct chores_store *postgres_chores_store(struct postgres_store *store)
{
	return &store->chores_store;
}

bool postgres_store_server(const struct postgres_store *store, const char **host, const char **port,
			   const char **database)
{
	return pg_connection_server(store->connection, host, port, database);
}

/* ---- one call ---- */

struct query_pipeline *store_continue(struct postgres_store *store, store_done *done, void *context)
{
	assert(!store->done && "one call at a time");
	store->done = done;
	store->context = context;
	return &store->pipeline;
}

struct query_pipeline *store_begin(struct postgres_store *store, store_done *done, void *context)
{
	struct query_pipeline *pipeline = store_continue(store, done, context);

	if (store->in_transaction)
		query_pipeline_add(pipeline, ROLLBACK);
	store->in_transaction = false;
	return pipeline;
}

void store_send(struct postgres_store *store, enum query_pipeline_effect effect, query_pipeline_done *next,
		void *context)
{
	pg_connection_run(store->connection, &store->pipeline, effect, next, context);
}

static void on_sent(void *context, const struct failure *failure)
{
	store_answer(context, failure);
}

void store_send_and_answer(struct postgres_store *store, enum query_pipeline_effect effect)
{
	store_send(store, effect, on_sent, store);
}

void store_answer(struct postgres_store *store, const struct failure *failure)
{
	store_done *done = store->done;

	store->done = NULL;
	query_pipeline_clear(&store->pipeline);
	arena_clear(store->arena);
	done(store->context, failure);
}

void store_set_statement_time(struct query_pipeline *pipeline, int time_ms)
{
	char time[16];

	if (!time_ms)
		return;
	snprintf(time, sizeof time, "%dms", time_ms);
	query_text(query_pipeline_add(pipeline, SET_TIME), time);
}

/* ---- keys ---- */

/* Keys that are reserved beyond those needed. */
#define SPARE_KEYS 500

void store_drop_old_keys(struct postgres_store *store)
{
	if (store->keys_of != store->unit_store.sessions_lost)
		store->key_count = 0;
	store->keys_of = store->unit_store.sessions_lost;
}

struct query *store_reserve_keys(struct postgres_store *store, struct query_pipeline *pipeline, size_t needed)
{
	struct query *query;

	if (store->key_count >= needed)
		return NULL;
	query = query_pipeline_add(pipeline, RESERVE_KEYS);
	query_int4(query, (int32_t)(needed + SPARE_KEYS));
	return query;
}

static void keep_key(struct postgres_store *store, int64_t key)
{
	if (store->key_count == store->key_room) {
		store->key_room = store->key_room ? 2 * store->key_room : 1024;
		store->keys = must(reallocarray(store->keys, store->key_room, sizeof *store->keys));
	}
	store->keys[store->key_count++] = key;
	store->unit_store.must_load = false;
}

void store_keep_keys(struct postgres_store *store, const struct query *query)
{
	for (int row = 0; query && row < query_rows(query); row++)
		keep_key(store, result_int8(query, row, 0));
}

int64_t store_next_key(struct postgres_store *store)
{
	assert(store->key_count && "a load brings as many keys as the unit can need");
	store->unit_store.must_load = store->key_count == 1;
	return store->keys[--store->key_count];
}
