/* Connects the parts of the engine, answers messages, and counts. */
#include "bus/engine/engine.h"

#include "bus/engine/engine_internal.h"
#include "bus/engine/sku_resolver.h"
#include "bus/lane/lane.h"
#include "bus/messages/message_bus.h"
#include "bus/unit_of_work/product_cache.h"
#include "core/base/calendar.h"
#include "core/base/must.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct lane *lane_of_partition(struct engine *engine, int partition)
{
	return lane_in_charge(engine->lanes[(size_t)partition % engine->config.lanes]);
}

struct lane *engine_lane_of(struct engine *engine, const char *sku)
{
	return lane_of_partition(engine, partition_of(sku));
}

uint32_t engine_partitions_of(struct engine *engine, const struct lane *lane)
{
	uint32_t partitions = 0;

	for (int partition = 0; partition < PARTITIONS; partition++)
		partitions |= (uint32_t)(lane_of_partition(engine, partition) == lane) << partition;
	return partitions;
}

/* ---- beginning and end ---- */

static void resume_shrink(void *context, const char *sku)
{
	struct engine *engine = context;

	lane_resume_shrink(engine_lane_of(engine, sku), sku);
}

static size_t running_processes(void *context, int64_t *keys, size_t max)
{
	const struct engine *engine = context;

	return processes_running(engine->processes, keys, max);
}

static void on_probed(void *context, const struct failure *failure)
{
	engine_probed(context, failure);
}

static void check_drained(void *context);
static void report_change(void *context);

static void note_change(void *context)
{
	engine_note_change(context);
}

static void on_compared(void *context)
{
	struct engine *engine = context;

	for (size_t i = 0; i < engine->config.lanes; i++)
		lane_outbox_is_compared(engine->lanes[i]);
	if (engine->shared.parking)
		lane_outbox_is_compared(engine->shared.parking);
}

static void deal_out_ports(struct engine *engine, const struct engine_ports *ports)
{
	engine->ports = *ports;
	engine->publisher_ports = (struct publisher_ports){
		.outbox_store = ports->outbox_store,
		.broker = ports->broker,
		.clock = ports->clock,
		.random = ports->random,
		.logger = ports->logger,
		.tracer = ports->tracer,
		.maker = {ports->predecessors, ports->codec, ports->logger},
	};
	engine->housekeeping_ports = (struct housekeeping_ports){
		.chores_store = ports->chores_store,
		.notifier = ports->notifier,
		.clock = ports->clock,
		.logger = ports->logger,
	};
}

struct engine *engine_new(const struct engine_ports *ports, const struct engine_config *config)
{
	struct engine *engine = must_alloc(sizeof *engine);
	struct clock *clock = ports->clock;

	assert(config->lanes >= 1 && config->lanes <= LANES_MAX && config->unit_max >= 1);
	assert(config->move_max >= 1 && config->move_max <= MESSAGE_EVENTS_MAX / 4);
	deal_out_ports(engine, ports);
	engine->config = *config;
	engine->stats.database_up = true;
	engine->stats.dead_letters = engine->stats.dead_letters_dropped = -1;
	engine->stats.queue_max = config->queue_max;
	engine->asked_us = INT64_MIN;
	engine->batches =
		batch_index_new(config->cached_batches ? config->cached_batches : CACHED_BATCHES_DEFAULT);
	engine->message_times = message_times_new();
	engine->publisher = publisher_new(&engine->publisher_ports, &engine->stats);
	publisher_on_restored(engine->publisher, note_change, engine);
	publisher_on_compared(engine->publisher, on_compared, config->needs_no_broker, engine);
	engine->housekeeper = housekeeper_new(&engine->housekeeping_ports, &engine->config, &engine->stats,
					      &(struct housekeeping_listener){
						      .shrink_found = resume_shrink,
						      .process_found = engine_resume_process,
						      .running_processes = running_processes,
						      .streams_in_place = engine_streams_in_place,
						      .probed = on_probed,
						      .context = engine,
					      });
	engine->shared = (struct lanes_shared){
		.engine = engine,
		.ports = &engine->ports,
		.config = &engine->config,
		.stats = &engine->stats,
		.publisher = engine->publisher,
		.housekeeper = engine->housekeeper,
		.batches = engine->batches,
		.cache = product_cache_new(config->cache_bytes ? config->cache_bytes : CACHE_BYTES_DEFAULT),
		.lanes = engine->lanes,
	};
	engine->processes = processes_new(&engine->shared);
	engine->resolver = sku_resolver_new(engine);
	for (size_t i = 0; i < config->lanes; i++)
		engine->lanes[i] = lane_new(&engine->shared, i);
	if (ports->parking_store)
		engine->shared.parking = lane_new(&engine->shared, config->lanes);
	engine->change_timer = clock->ops->timer_new(clock, report_change, engine);
	engine->drain_timer = clock->ops->timer_new(clock, check_drained, engine);
	return engine;
}

void engine_start(struct engine *engine)
{
	publisher_start(engine->publisher);
	housekeeper_start(engine->housekeeper);
}

void engine_free(struct engine **engine)
{
	struct engine *it = *engine;

	if (!it)
		return;
	it->ports.clock->ops->timer_free(&it->change_timer);
	it->ports.clock->ops->timer_free(&it->drain_timer);
	processes_free(&it->processes);
	for (size_t i = 0; i < it->config.lanes; i++)
		lane_free(&it->lanes[i]);
	lane_free(&it->shared.parking);
	while (parked_first(&it->shared.parked))
		parked_remove(&it->shared.parked, parked_first(&it->shared.parked));
	postponed_list_free(&it->postponed);
	sku_resolver_free(&it->resolver);
	housekeeper_free(&it->housekeeper);
	publisher_free(&it->publisher);
	batch_index_free(&it->batches);
	message_times_free(&it->message_times);
	product_cache_free(&it->shared.cache);
	free(it);
	*engine = NULL;
}

/* ---- arrivals ---- */

/*
 * The part of the queue left to messages of SKUs that are not held up: at least half of it, even if pub/sub
 * brought more messages of SKUs that are held up.
 */
static size_t left_by(size_t held, size_t max)
{
	return max - (held < max / 2 ? held : max / 2);
}

/* Whether the messages of SKUs that are not held up fill less than 1/part of what is left to them. */
static bool is_below(const struct engine *engine, size_t part)
{
	size_t messages = left_by(engine->held_messages, engine->config.queue_max);
	size_t bytes = left_by(engine->held_bytes, engine->config.queue_bytes);

	return engine->stats.queued - engine->held_messages < messages / part &&
	       engine->stats.queued_bytes - engine->held_bytes < bytes / part;
}

static void report_change(void *context)
{
	struct engine *engine = context;

	if (engine->on_change)
		engine->on_change(engine->change_context);
}

/* Reports the change later, from the event loop: the receiver may be in the middle of a call. */
void engine_note_change(struct engine *engine)
{
	engine->ports.clock->ops->timer_set(engine->change_timer, 0);
}

void engine_check_full(struct engine *engine)
{
	if (engine->is_full ? !is_below(engine, 2) : is_below(engine, 1))
		return;
	engine->is_full = !engine->is_full;
	engine_note_change(engine);
}

/* ---- the deliveries that are queued or in flight, in the order of their arrival ---- */

static void add_newest(struct engine *engine, struct delivery *delivery)
{
	delivery->older = engine->newest;
	*(engine->newest ? &engine->newest->newer : &engine->oldest) = delivery;
	engine->newest = delivery;
	engine->stats.oldest_us = engine->oldest->received_us;
}

static void remove_from_order(struct engine *engine, struct delivery *delivery)
{
	*(delivery->older ? &delivery->older->newer : &engine->oldest) = delivery->newer;
	*(delivery->newer ? &delivery->newer->older : &engine->newest) = delivery->older;
	engine->stats.oldest_us = engine->oldest ? engine->oldest->received_us : 0;
}

void engine_accept(struct engine *engine, struct delivery *delivery)
{
	delivery->received_us = engine_now_us(engine);
	add_newest(engine, delivery);
	engine->stats.queued++;
	delivery->footprint = delivery_footprint(delivery);
	engine->stats.queued_bytes += delivery->footprint;
	engine_check_full(engine);
}

/* What a sampled message causes belongs to its span. */
static void begin_trace(struct tracer *tracer, bool is_unsampled, struct delivery *delivery)
{
	const char *parent = delivery->envelope.traceparent;
	struct span span;

	if (!tracer || (is_unsampled && !parent) || !span_begin(tracer, parent, &span))
		return;
	delivery->span = arena_copy(delivery->arena, &span, sizeof span);
	delivery->envelope.traceparent = span_traceparent(&span, delivery->arena);
}

void engine_submit(struct engine *engine, const struct arrival *arrival)
{
	struct delivery *delivery = delivery_new(arrival, engine->ports.codec);

	begin_trace(engine->ports.tracer, arrival->is_unsampled, delivery);
	processes_note_arrival(engine->processes, delivery);
	engine->stats.received++;
	engine_accept(engine, delivery);
	engine->stats.received_us = delivery->received_us;
	message_statistics_received(&engine->stats.by_message, delivery);
	sku_resolver_submit(engine->resolver, delivery);
}

bool engine_has_room(const struct engine *engine)
{
	const struct engine_stats *stats = &engine->stats;

	return stats->queued - engine->held_messages < engine->config.queue_max &&
	       stats->queued_bytes - engine->held_bytes < engine->config.queue_bytes;
}

bool engine_has_room_for_process(const struct engine *engine)
{
	return processes_unfinished(engine->processes) - engine->held_parts < engine->config.queue_max;
}

bool engine_takes_commands(const struct engine *engine)
{
	return !engine->stats.restored;
}

bool engine_is_full(const struct engine *engine)
{
	return engine->is_full;
}

void engine_on_change(struct engine *engine, void (*changed)(void *context), void *context)
{
	engine->on_change = changed;
	engine->change_context = context;
}

void engine_database_is(struct engine *engine, bool up)
{
	if (!up)
		housekeeper_probe_soon(engine->housekeeper);
	if (engine->stats.database_up == up)
		return;
	engine->stats.database_up = up;
	if (up)
		LOG(engine->ports.logger, LOG_INFO, "the database takes work again", LOG_OVER(LOG_DATABASE));
	engine_note_change(engine);
}

/* ---- the database's clock ---- */

/* How long the database's clock is extrapolated from our own before it is asked again. */
#define CLOCK_KNOWN_US 10000000

int64_t engine_now_ms(const struct engine *engine)
{
	struct clock *clock = engine->ports.clock;

	return clock->ops->now_ms(clock);
}

int64_t engine_now_us(const struct engine *engine)
{
	struct clock *clock = engine->ports.clock;

	return clock->ops->now_us(clock);
}

void engine_note_database_clock(struct engine *engine, const struct unit_of_work *uow, int64_t asked_us)
{
	engine->database_us = uow->now;
	engine->epoch = uow->epoch;
	engine->asked_us = asked_us;
}

void engine_forget_database_clock(struct engine *engine)
{
	engine->asked_us = INT64_MIN;
}

bool engine_knows_database_clock(const struct engine *engine, struct unit_of_work *uow)
{
	int64_t now_us = engine_now_us(engine);

	if (engine->asked_us == INT64_MIN || now_us - engine->asked_us > CLOCK_KNOWN_US)
		return false;
	uow->now = engine->database_us + now_us - engine->asked_us;
	uow->epoch = engine->epoch;
	return true;
}

/* ---- outcomes ---- */

static void log_outcome(const struct engine *engine, const struct delivery *delivery)
{
	enum log_level level = delivery->outcome == OUTCOME_FAILED     ? LOG_ERROR
			       : delivery->outcome >= OUTCOME_REJECTED ? LOG_WARN
								       : LOG_DEBUG;

	LOG(engine->ports.logger, level, level == LOG_DEBUG ? "message done" : "message refused",
	    LOG_TEXT("outcome", outcome_name(delivery->outcome)), LOG_TEXT("reason", delivery->reason),
	    LOG_TEXT("way", transport_name(delivery->transport)), LOG_TEXT("place", delivery->origin),
	    LOG_TEXT("entry", delivery->entry_id), LOG_TEXT("message", message_name(delivery->type)),
	    LOG_TEXT("id", delivery->envelope.id), LOG_TEXT("sku", delivery->sku),
	    LOG_TEXT("trace_id", trace_id_of(delivery->envelope.traceparent, delivery->arena)));
}

/* What the database's clock showed then, for it is asked in each unit of work. */
static int64_t database_clock_at(const struct engine *engine, int64_t us)
{
	return engine->asked_us == INT64_MIN ? NO_INSTANT : engine->database_us + us - engine->asked_us;
}

static void forget_creation(struct engine *engine, struct delivery *delivery)
{
	if (!delivery->creates_batch)
		return;
	batch_index_remove_creation(engine->batches, delivery);
	if (delivery->outcome == OUTCOME_HANDLED)
		batch_index_remember(engine->batches, delivery->batchref, delivery->sku);
}

void engine_finish(struct engine *engine, struct delivery *delivery)
{
	assert(delivery->outcome != OUTCOME_NONE);
	message_statistics_finished(&engine->stats.by_message, delivery, engine->stats.committed_us,
				    database_clock_at(engine, engine->stats.committed_us));
	if (!engine->config.is_dry_run)
		log_outcome(engine, delivery);
	if (delivery->span)
		engine->ports.tracer->ops->message_ended(engine->ports.tracer, delivery,
							 engine_now_us(engine));
	if (delivery->outcome >= OUTCOME_REJECTED)
		housekeeper_count_soon(engine->housekeeper);
	forget_creation(engine, delivery);
	engine_let_go(engine, delivery);
	if (delivery->answered)
		delivery->answered(delivery->context, delivery);
	remove_from_order(engine, delivery);
	engine->stats.queued--;
	engine->stats.queued_bytes -= delivery->footprint;
	processes_note_outcome(engine->processes, delivery);
	delivery_free(&delivery);
	engine_check_full(engine);
	sku_resolver_check_room(engine->resolver);
}

void engine_finish_unit(struct engine *engine, struct delivery_queue *deliveries,
			const struct unit_times *times)
{
	message_times_begin_unit(engine->message_times, times);
	for (struct delivery *delivery; (delivery = delivery_queue_pop(deliveries));) {
		message_times_note(engine->message_times, delivery);
		engine_finish(engine, delivery);
	}
}

const struct message_time *engine_message_time(const struct engine *engine, const char *id,
					       const struct unit_times **unit)
{
	return message_times_find(engine->message_times, id, unit);
}

const struct engine_stats *engine_stats(const struct engine *engine)
{
	return &engine->stats;
}

/* ---- drain ---- */

bool engine_is_idle(const struct engine *engine)
{
	for (size_t i = 0; i < engine->config.lanes; i++) {
		if (!lane_is_idle(engine->lanes[i]))
			return false;
	}
	if (engine->shared.parking && !lane_is_idle(engine->shared.parking))
		return false;
	return !engine->stats.queued && publisher_is_idle(engine->publisher) &&
	       housekeeper_is_settled(engine->housekeeper);
}

static void check_drained(void *context)
{
	struct engine *engine = context;
	void (*drained)(void *context) = engine->drained;

	if (!drained || !engine_is_idle(engine))
		return;
	engine->drained = NULL;
	drained(engine->drain_context);
}

void engine_check_drained(struct engine *engine)
{
	if (engine->drained)
		engine->ports.clock->ops->timer_set(engine->drain_timer, 0);
}

static void on_notifications_settled(void *context)
{
	engine_check_drained(context);
}

void engine_stop_notifications(struct engine *engine)
{
	housekeeper_stop(engine->housekeeper, on_notifications_settled, engine);
}

void engine_drain(struct engine *engine, void (*drained)(void *context), void *context)
{
	engine->drained = drained;
	engine->drain_context = context;
	publisher_on_idle(engine->publisher, check_drained, engine);
	engine_check_drained(engine);
}
