/* Finds the SKU of each delivery, and passes the delivery on to that SKU's lane. */
#include "bus/engine/sku_resolver.h"

#include "bus/base/backoff.h"
#include "bus/engine/engine_internal.h"
#include "bus/lane/lane.h"
#include "core/base/must.h"

#include <stdlib.h>
#include <string.h>

/* The most batches that one query looks up. */
#define RESOLVE_MAX 1000

struct sku_resolver {
	struct engine *engine;
	struct delivery_queue queue;
	struct timer *pump;
	bool scheduled;
	struct backoff backoff;

	/* While the database is asked: the batches of the query, in the order of the queue. */
	bool resolving;
	bool waits_for_room; /* the first delivery is an event, not all of whose commands are queued */
	struct arena *arena;
	struct resolved_batch *batches;
	size_t batch_count;
};

static void pump(void *context);

struct sku_resolver *sku_resolver_new(struct engine *engine)
{
	struct sku_resolver *resolver = must_alloc(sizeof *resolver);
	struct clock *clock = engine->ports.clock;

	resolver->engine = engine;
	resolver->arena = arena_new(4096);
	resolver->backoff = (struct backoff){.first_ms = 20, .cap_ms = 5000};
	resolver->pump = clock->ops->timer_new(clock, pump, resolver);
	return resolver;
}

void sku_resolver_free(struct sku_resolver **resolver)
{
	struct sku_resolver *it = *resolver;

	if (!it)
		return;
	delivery_queue_free(&it->queue);
	it->engine->ports.clock->ops->timer_free(&it->pump);
	arena_free(&it->arena);
	free(it);
	*resolver = NULL;
}

static void schedule(struct sku_resolver *resolver, int64_t delay_ms)
{
	if (resolver->scheduled)
		return;
	resolver->scheduled = true;
	resolver->engine->ports.clock->ops->timer_set(resolver->pump, delay_ms);
}

void sku_resolver_submit(struct sku_resolver *resolver, struct delivery *delivery)
{
	delivery_queue_push(&resolver->queue, delivery);
	if (!resolver->resolving)
		schedule(resolver, 0);
}

bool sku_resolver_holds(const struct sku_resolver *resolver, const struct inbox_key *key)
{
	const struct delivery *it = resolver->queue.first;

	while (it &&
	       !(it->inbox_key && !strcmp(it->inbox.id, key->id) && !strcmp(it->inbox.source, key->source)))
		it = it->next;
	return it;
}

void sku_resolver_retry_now(struct sku_resolver *resolver)
{
	if (resolver->scheduled && resolver->backoff.failures)
		resolver->engine->ports.clock->ops->timer_set(resolver->pump, 0);
}

/* Whether the delivery's SKU is still to be found. */
static bool needs_resolving(const struct delivery *delivery)
{
	return !delivery->decided && delivery->by_batch && !delivery->sku;
}

static void adopt_sku(struct delivery *delivery, const char *sku)
{
	if (sku)
		delivery->sku = arena_strdup(delivery->arena, sku);
}

/* A decided delivery without a SKU may use any lane. */
static void hand_on(struct sku_resolver *resolver, struct delivery *delivery)
{
	struct engine *engine = resolver->engine;

	if (delivery->creates_batch)
		batch_index_add_creation(engine->batches, delivery);
	lane_push(engine_lane_of(engine, delivery->sku ? delivery->sku : ""), delivery);
}

/* No query fails any more: the last one went well, or what it was about needs none now. */
static void note_success(struct sku_resolver *resolver)
{
	progress_watch_done(&resolver->engine->intake_watch);
	resolver->backoff.failures = 0;
}

/* The store has answered.  Returns false if it failed: the query is repeated later. */
static bool has_answer(struct sku_resolver *resolver, const struct failure *failure)
{
	struct engine *engine = resolver->engine;

	resolver->resolving = false;
	if (!failure) {
		note_success(resolver);
		engine_database_answers(engine);
		return true;
	}
	engine->stats.retries++;
	progress_watch_failed(&engine->intake_watch, engine_now_ms(engine), failure->text);
	engine_database_is(engine, false);
	LOG(engine->ports.logger, LOG_WARN, "intake: trouble with the database", LOG_TROUBLE(LOG_DATABASE),
	    LOG_TEXT("error", failure->text));
	schedule(resolver, backoff_next(&resolver->backoff, engine->ports.random));
	return false;
}

static void on_begun(void *context, const struct failure *failure)
{
	struct sku_resolver *resolver = context;

	if (has_answer(resolver, failure))
		pump(resolver);
}

static void on_resolved(void *context, const struct failure *failure)
{
	struct sku_resolver *resolver = context;
	struct delivery *delivery = resolver->queue.first;
	size_t at = 0;

	if (!has_answer(resolver, failure))
		return;
	for (; delivery && at < resolver->batch_count; delivery = delivery->next) {
		const struct resolved_batch *batch;

		if (!needs_resolving(delivery))
			continue;
		batch = &resolver->batches[at++];
		if (batch->sku)
			batch_index_remember(resolver->engine->batches, batch->reference, batch->sku);
		delivery->asked = true;
		adopt_sku(delivery, batch->sku);
	}
	pump(resolver);
}

/* Asks for every unknown batch in the queue at once. */
static void resolve(struct sku_resolver *resolver)
{
	struct batch_directory *directory = resolver->engine->ports.batch_directory;

	arena_clear(resolver->arena);
	resolver->batches = NULL;
	resolver->batch_count = 0;
	for (struct delivery *it = resolver->queue.first; it && resolver->batch_count < RESOLVE_MAX;
	     it = it->next) {
		if (needs_resolving(it))
			adopt_sku(it, batch_index_stored(resolver->engine->batches, it->batchref));
		if (!needs_resolving(it))
			continue;
		resolver->batches = arena_grow(resolver->arena, resolver->batches, resolver->batch_count,
					       sizeof *resolver->batches);
		resolver->batches[resolver->batch_count++].reference = it->batchref;
	}
	resolver->resolving = true;
	progress_watch_begin(&resolver->engine->intake_watch, engine_now_ms(resolver->engine));
	batch_index_watch(resolver->engine->batches);
	directory->ops->resolve(directory, resolver->batches, resolver->batch_count, resolver->arena,
				on_resolved, resolver);
}

/* The database lacks the batch, and no earlier create_batch creates it. */
static void conclude_unknown(struct delivery *delivery)
{
	delivery_conclude(delivery, REJECT_UNKNOWN_BATCH);
	delivery->decided = true;
}

/*
 * A batch with a queued create_batch is still looked up in the database first: if it exists there under
 * another SKU, the create_batch will be rejected, and the message belongs in that other SKU's lane.
 */
static void find_sku(struct sku_resolver *resolver, struct delivery *delivery)
{
	const struct batch_index *batches = resolver->engine->batches;

	if (needs_resolving(delivery))
		adopt_sku(delivery, batch_index_stored(batches, delivery->batchref));
	if (needs_resolving(delivery) && delivery->asked)
		adopt_sku(delivery, batch_index_created(batches, delivery->batchref));
}

/*
 * A command that names its batch may come by any stream of the range: it visits one after another, until it
 * is on that of its SKU.  So no command of a batch overtakes another one, and one of an unknown batch comes
 * behind every create_batch that was added before it.  If the batch becomes known when the command has left
 * the stream of its SKU, that create_batch is behind it there, as later commands of the batch may be: so the
 * batch is unknown to it.
 */
static bool is_forwarded(struct delivery *delivery)
{
	if (!delivery->route || !delivery->by_batch || delivery->decided)
		return false;
	if (needs_resolving(delivery)
		    ? !delivery_has_further_streams(delivery)
		    : !delivery_is_elsewhere(delivery, delivery->sku) || delivery_came_too_early(delivery))
		return false;
	delivery_forward(delivery);
	return true;
}

/* Passes on the delivery, whose SKU is known, or whose batch the database does not know either. */
static void place(struct sku_resolver *resolver, struct delivery *delivery)
{
	struct engine *engine = resolver->engine;

	engine->stats.placed++;
	if (needs_resolving(delivery) && engine_postpones_unknown(engine, delivery))
		return;
	if (is_forwarded(delivery)) {
		engine_finish(engine, delivery);
		return;
	}
	if (needs_resolving(delivery) ||
	    (!delivery->decided && delivery->by_batch && delivery_came_too_early(delivery)))
		conclude_unknown(delivery);
	hand_on(resolver, delivery);
}

static void begin(struct sku_resolver *resolver)
{
	resolver->resolving = true;
	progress_watch_begin(&resolver->engine->intake_watch, engine_now_ms(resolver->engine));
	processes_begin(resolver->engine->processes, &resolver->queue, on_begun, resolver);
}

void sku_resolver_check_room(struct sku_resolver *resolver)
{
	if (resolver->waits_for_room && engine_has_room_for_process(resolver->engine))
		schedule(resolver, 0);
}

/* The first delivery is an event.  Returns false if it has to wait. */
static bool place_event(struct sku_resolver *resolver)
{
	struct engine *engine = resolver->engine;
	struct delivery *event = resolver->queue.first;
	bool must_begin = processes_must_begin(event);
	const char *sku = must_begin ? engine_must_wait_for(engine, event) : NULL;

	if (must_begin && !sku) {
		begin(resolver);
		return false;
	}
	resolver->waits_for_room = !sku && !processes_submit(engine->processes, event);
	if (resolver->waits_for_room)
		return false;
	delivery_queue_pop(&resolver->queue);
	engine->stats.placed++;
	if (sku)
		engine_postpone(engine, event, sku);
	else
		processes_adopt(engine->processes, event);
	return true;
}

static void pump(void *context)
{
	struct sku_resolver *resolver = context;

	resolver->scheduled = false;
	while (!resolver->resolving && resolver->queue.first) {
		struct delivery *first = resolver->queue.first;

		find_sku(resolver, first);
		if (needs_resolving(first) && !first->asked) {
			resolve(resolver);
			return;
		}
		if (!first->is_event || first->decided)
			place(resolver, delivery_queue_pop(&resolver->queue));
		else if (!place_event(resolver))
			break;
	}
	if (resolver->resolving)
		return;
	note_success(resolver);
	if (!resolver->queue.first)
		batch_index_unwatch(resolver->engine->batches);
}
