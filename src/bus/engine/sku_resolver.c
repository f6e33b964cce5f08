/* From arrival to the lane of the SKU. */
#include "bus/engine/sku_resolver.h"

#include "bus/base/backoff.h"
#include "bus/engine/engine_internal.h"
#include "bus/lane/lane.h"
#include "core/base/must.h"

#include <stdlib.h>

/* As many batches are asked for in one go. */
#define RESOLVE_MAX 1000

struct intake {
	struct engine *engine;
	struct delivery_queue queue;
	struct timer *pump;
	bool scheduled;
	struct backoff backoff;

	/* While the database is asked: who asked, in the order of the queue. */
	bool resolving;
	struct arena *arena;
	struct resolved_batch *batches;
	size_t batch_count;
};

static void pump(void *context);

struct intake *intake_new(struct engine *engine)
{
	struct intake *intake = must_alloc(sizeof *intake);
	struct clock *clock = engine->ports.clock;

	intake->engine = engine;
	intake->arena = arena_new(4096);
	intake->backoff = (struct backoff){.first_ms = 20, .cap_ms = 5000};
	intake->pump = clock->ops->timer_new(clock, pump, intake);
	return intake;
}

void intake_free(struct intake **intake)
{
	struct intake *it = *intake;

	if (!it)
		return;
	delivery_queue_free(&it->queue);
	it->engine->ports.clock->ops->timer_free(&it->pump);
	arena_free(&it->arena);
	free(it);
	*intake = NULL;
}

static void schedule(struct intake *intake, int64_t delay_ms)
{
	if (intake->scheduled)
		return;
	intake->scheduled = true;
	intake->engine->ports.clock->ops->timer_set(intake->pump, delay_ms);
}

void intake_take(struct intake *intake, struct delivery *delivery)
{
	delivery_queue_push(&intake->queue, delivery);
	if (!intake->resolving)
		schedule(intake, 0);
}

void intake_retry_now(struct intake *intake)
{
	if (intake->scheduled && intake->backoff.failures)
		intake->engine->ports.clock->ops->timer_set(intake->pump, 0);
}

/* Whether the delivery's SKU has to be found out before it can go on. */
static bool needs_resolving(const struct delivery *delivery)
{
	return !delivery->decided && delivery->by_batch && !delivery->sku;
}

static void adopt_sku(struct delivery *delivery, const char *sku)
{
	if (sku)
		delivery->sku = arena_strdup(delivery->arena, sku);
}

/* A decided delivery without a SKU may go through any lane. */
static void hand_on(struct intake *intake, struct delivery *delivery)
{
	struct engine *engine = intake->engine;

	if (!delivery->decided && delivery->type == MSG_CREATE_BATCH)
		batch_index_add_creation(engine->batches, delivery);
	lane_take(engine_lane_of(engine, delivery->sku ? delivery->sku : ""), delivery);
}

static void on_resolved(void *context, const struct failure *failure)
{
	struct intake *intake = context;
	struct delivery *delivery = intake->queue.first;
	size_t at = 0;

	intake->resolving = false;
	if (failure) {
		intake->engine->stats.retries++;
		watch_failed(&intake->engine->intake_watch, engine_now_ms(intake->engine), failure->text);
		engine_database_is(intake->engine, false);
		LOG(intake->engine->ports.logger, LOG_WARN, "intake: trouble with the database",
		    LOG_TROUBLE(LOG_DATABASE), LOG_TEXT("error", failure->text));
		schedule(intake, backoff_next(&intake->backoff, intake->engine->ports.random));
		return;
	}
	watch_done(&intake->engine->intake_watch);
	engine_database_answers(intake->engine);
	intake->backoff.failures = 0;
	for (; delivery && at < intake->batch_count; delivery = delivery->next) {
		const struct resolved_batch *batch;

		if (!needs_resolving(delivery))
			continue;
		batch = &intake->batches[at++];
		if (batch->sku)
			batch_index_remember(intake->engine->batches, batch->reference, batch->sku);
		delivery->asked = true;
		adopt_sku(delivery, batch->sku);
	}
	pump(intake);
}

/* Asks for every batch in the queue that is not known, so that one answer lets all of them go on. */
static void resolve(struct intake *intake)
{
	struct store *store = intake->engine->ports.intake_store;

	arena_clear(intake->arena);
	intake->batches = NULL;
	intake->batch_count = 0;
	for (struct delivery *it = intake->queue.first; it && intake->batch_count < RESOLVE_MAX;
	     it = it->next) {
		if (needs_resolving(it))
			adopt_sku(it, batch_index_stored(intake->engine->batches, it->batchref));
		if (!needs_resolving(it))
			continue;
		intake->batches = arena_grow(intake->arena, intake->batches, intake->batch_count,
					     sizeof *intake->batches);
		intake->batches[intake->batch_count++].reference = it->batchref;
	}
	intake->resolving = true;
	watch_begin(&intake->engine->intake_watch, engine_now_ms(intake->engine));
	batch_index_watch(intake->engine->batches);
	store->ops->resolve(store, intake->batches, intake->batch_count, intake->arena, on_resolved, intake);
}

/* The database has no such batch, and no create_batch before this message will make it. */
static void conclude_unknown(struct delivery *delivery)
{
	delivery_conclude(delivery, REJECT_UNKNOWN_BATCH);
	delivery->decided = true;
}

/*
 * A batch that is being created is looked for in the database first all the same: when it is another SKU's
 * there, the creation will be rejected, and the message would come too late to that SKU's lane.
 */
static void find_sku(struct intake *intake, struct delivery *delivery)
{
	const struct batch_index *batches = intake->engine->batches;

	if (needs_resolving(delivery))
		adopt_sku(delivery, batch_index_stored(batches, delivery->batchref));
	if (needs_resolving(delivery) && delivery->asked)
		adopt_sku(delivery, batch_index_created(batches, delivery->batchref));
}

/* Its SKU is known, or nobody knows it. */
static void place(struct intake *intake, struct delivery *delivery)
{
	struct engine *engine = intake->engine;

	engine->stats.placed++;
	if (needs_resolving(delivery)) {
		if (engine_postpones_unknown(engine, delivery))
			return;
		conclude_unknown(delivery);
	}
	hand_on(intake, delivery);
}

static void pump(void *context)
{
	struct intake *intake = context;

	intake->scheduled = false;
	while (!intake->resolving && intake->queue.first) {
		struct delivery *first = intake->queue.first;

		find_sku(intake, first);
		if (needs_resolving(first) && !first->asked) {
			resolve(intake);
			return;
		}
		place(intake, delivery_queue_pop(&intake->queue));
	}
	if (!intake->resolving)
		batch_index_unwatch(intake->engine->batches);
}
