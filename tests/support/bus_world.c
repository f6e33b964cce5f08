/* Builds a worker from in-memory adapters, and frees it. */
#include "support/bus_world.h"

#include "core/base/must.h"
#include "support/suites.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The longest time that a test waits, in simulated time. */
#define PATIENCE_MS ((int64_t)60 * 60 * 1000)

struct world *world;

/* ---- the world ---- */

/* Creates everything that workers do not share. */
static struct world *with_own(struct world *it)
{
	it->notifier = memory_notifier_new(it->simulation);
	memory_codec_init(&it->codec);
	memory_clock_init(&it->clock, it->simulation);
	memory_random_init(&it->random, it->is_guest ? 2 : 1);
	memory_logger_init(&it->logger);
	it->arena = arena_new(4096);
	it->config = (struct engine_config){.unit_max = 1000,
					    .lanes = 1,
					    .queue_max = 100000,
					    .queue_bytes = (size_t)1 << 30,
					    .cache_bytes = (size_t)1 << 20,
					    .cached_batches = 256,
					    .move_max = MOVE_MAX_DEFAULT};
	return it;
}

struct world *world_new(void)
{
	struct world *it = must_alloc(sizeof *it);
	struct database_config config = {DEAD_LETTERS_MAX, INBOX_DAYS, DEAD_LETTERS_DAYS};

	it->simulation = simulation_new();
	it->database = database_new(it->simulation, &config);
	it->broker = memory_broker_new(it->simulation);
	return with_own(it);
}

struct world *world_beside(struct world *host)
{
	struct world *it = must_alloc(sizeof *it);

	it->is_guest = true;
	it->simulation = host->simulation;
	it->database = host->database;
	it->broker = memory_broker_connect(host->broker);
	return with_own(it);
}

void world_free(struct world **freed)
{
	struct world *it = *freed;

	if (!it)
		return;
	world_crash(it);
	memory_broker_free(&it->broker);
	memory_notifier_free(&it->notifier);
	memory_logger_release(&it->logger);
	if (!it->is_guest) {
		database_free(&it->database);
		simulation_free(&it->simulation);
	}
	arena_free(&it->arena);
	free(it);
	*freed = NULL;
}

/* ---- the worker ---- */

static void on_change(void *context)
{
	struct world *it = context;

	it->room_calls += it->was_full && !engine_is_full(it->engine);
	it->was_full = engine_is_full(it->engine);
}

void world_prepare(struct world *it)
{
	struct engine_ports ports = {
		.codec = &it->codec.codec,
		.broker = memory_broker_port(it->broker),
		.notifier = memory_notifier_port(it->notifier),
		.clock = &it->clock.clock,
		.random = &it->random.random,
		.logger = &it->logger.logger,
		.tracer = it->tracer,
		.predecessors = it->predecessors,
	};

	for (size_t i = 0; i < it->config.lanes; i++) {
		it->lanes[i] = memory_store_new(it->database);
		ports.lane_stores[i] = memory_unit_store(it->lanes[i]);
	}
	it->parking = memory_store_new(it->database);
	it->intake = memory_store_new(it->database);
	it->publisher = memory_store_new(it->database);
	it->housekeeper = memory_store_new(it->database);
	ports.parking_store = memory_unit_store(it->parking);
	ports.batch_directory = memory_batch_directory(it->intake);
	ports.process_store = memory_process_store(it->intake);
	ports.outbox_store = memory_outbox_store(it->publisher);
	ports.chores_store = memory_chores_store(it->housekeeper);
	it->engine = engine_new(&ports, &it->config);
	engine_on_change(it->engine, on_change, it);
	it->was_full = false;
}

void world_start(struct world *it)
{
	if (!it->engine)
		world_prepare(it);
	engine_start(it->engine);
	world_run(it);
}

void world_crash(struct world *it)
{
	for (size_t i = 0; i < LANES_MAX; i++)
		memory_store_free(&it->lanes[i]);
	memory_store_free(&it->parking);
	memory_store_free(&it->intake);
	memory_store_free(&it->publisher);
	memory_store_free(&it->housekeeper);
	cable_clear(memory_broker_requests(it->broker));
	cable_clear(memory_broker_answers(it->broker));
	cable_clear(memory_notifier_requests(it->notifier));
	cable_open(memory_broker_requests(it->broker));
	cable_open(memory_broker_answers(it->broker));
	cable_open(memory_notifier_requests(it->notifier));
	engine_free(&it->engine);
}

/* A function that is called with each cable. */
typedef void wire_act(struct cable *cable);

static void for_each_wire_to_database(struct world *it, wire_act *act)
{
	struct memory_store *stores[LANES_MAX + 4] = {it->parking, it->intake, it->publisher,
						      it->housekeeper};

	for (size_t i = 0; i < it->config.lanes; i++)
		stores[4 + i] = it->lanes[i];
	for (size_t i = 0; i < 4 + it->config.lanes; i++) {
		act(memory_store_requests(stores[i]));
		act(memory_store_answers(stores[i]));
	}
}

static void for_each_wire_to_broker(struct world *it, wire_act *act)
{
	act(memory_broker_requests(it->broker));
	act(memory_broker_answers(it->broker));
}

void world_cut_database(struct world *it)
{
	for_each_wire_to_database(it, cable_hold);
}

void world_cut_broker(struct world *it)
{
	for_each_wire_to_broker(it, cable_hold);
}

void world_hang(struct world *it)
{
	world_cut_database(it);
	world_cut_broker(it);
	cable_hold(memory_notifier_requests(it->notifier));
}

void world_wake(struct world *it)
{
	for_each_wire_to_database(it, cable_open);
	for_each_wire_to_broker(it, cable_open);
	cable_open(memory_notifier_requests(it->notifier));
}

/* ---- messages ---- */

struct answer_context {
	struct world *world;
	struct sent *sent;
};

static void on_answered(void *context, const struct delivery *delivery)
{
	struct answer_context *to = context;
	struct sent *sent = to->sent;

	sent->answers++;
	sent->outcome = delivery->outcome;
	sent->verdict = delivery->verdict;
	sent->reason = arena_strdup(to->world->arena, delivery->reason);
	sent->answered_at_ms = simulation_now_ms(to->world->simulation);
	sent->order = ++to->world->answers;
}

static struct sent *new_sent(struct world *it, enum transport transport)
{
	struct sent *sent = arena_alloc(it->arena, sizeof *sent);

	sent->transport = transport;
	if (it->last)
		it->last->next = sent;
	else
		it->first = sent;
	it->last = sent;
	return sent;
}

struct sent *world_send(struct world *it, enum transport transport, enum message_type type,
			const char *format, ...)
{
	struct sent *sent = new_sent(it, transport);
	struct answer_context *context = arena_alloc(it->arena, sizeof *context);
	char payload[2048];
	va_list args;
	int size;

	va_start(args, format);
	size = vsnprintf(payload, sizeof payload, format, args);
	va_end(args);
	expect_that(size < (int)sizeof payload, "a payload of %d bytes", size);
	*context = (struct answer_context){it, sent};
	engine_submit(it->engine, &(struct arrival){
					  .transport = transport,
					  .lease = transport == TRANSPORT_STREAM ? it->lease : NULL,
					  .origin = message_name(type),
					  .type = type,
					  .payload = {payload, (size_t)size},
					  .payload_size = (size_t)size,
					  .answered = on_answered,
					  .context = context,
				  });
	return sent;
}

/* ---- leases ---- */

static void write_lease(struct database *database, const char *name, const char *term)
{
	struct lease_row *row = database_lease(database, name);

	if (!row) {
		database->leases = arena_grow(database->arena, database->leases, database->lease_count,
					      sizeof *database->leases);
		row = &database->leases[database->lease_count++];
	}
	*row = (struct lease_row){arena_strdup(database->arena, name), arena_strdup(database->arena, term),
				  "", ""};
}

struct lease *world_grant_lease(struct world *it, const char *name)
{
	struct lease *lease = lease_new(name, &it->random.random);

	write_lease(it->database, name, lease->term);
	return lease;
}

void world_take_lease(struct world *it, const char *name)
{
	char term[LEASE_UUID_SIZE];

	lease_uuid(term, &it->random.random);
	write_lease(it->database, name, term);
}

/* ---- time ---- */

void world_run(struct world *it)
{
	simulation_run_until_idle(it->simulation);
}

void world_advance_ms(struct world *it, int64_t ms)
{
	simulation_advance_ms(it->simulation, ms);
}

static void on_drained(void *context)
{
	struct world *it = context;

	it->drained = true;
}

static bool is_drained(void *context)
{
	const struct world *it = context;

	return it->drained;
}

void world_settle(struct world *it)
{
	it->drained = false;
	engine_drain(it->engine, on_drained, it);
	ck_assert_msg(simulation_run_until(it->simulation, is_drained, it, PATIENCE_MS), "it never drains");
}

/* ---- the world of the test that runs ---- */

void set_up_no_worker(void)
{
	world = world_new();
}

void set_up_world(void)
{
	world = world_new();
	world_start(world);
}

void set_up_two_lanes(void)
{
	world = world_new();
	world->config.lanes = 2;
	world_start(world);
}

void tear_down_world(void)
{
	struct arena *scratch = arena_new(1024);
	const char *fault = database_fault(world->database, scratch);

	ck_assert_msg(!fault, "%s", fault);
	arena_free(&scratch);
	world_free(&world);
}

struct sent *create_batch(const char *reference, const char *sku, int qty)
{
	return world_send(world, TRANSPORT_HTTP, MSG_CREATE_BATCH, "ref=%s\nsku=%s\nqty=%d", reference, sku,
			  qty);
}

struct sent *allocate(const char *orderid, const char *sku, int qty)
{
	return world_send(world, TRANSPORT_HTTP, MSG_ALLOCATE, "orderid=%s\nsku=%s\nqty=%d", orderid, sku,
			  qty);
}

struct sent *change_quantity(const char *reference, int qty)
{
	return world_send(world, TRANSPORT_HTTP, MSG_CHANGE_BATCH_QUANTITY, "batchref=%s\nqty=%d", reference,
			  qty);
}

void allocate_many(const char *prefix, const char *sku, int count)
{
	for (int i = 0; i < count; i++)
		world_send(world, TRANSPORT_HTTP, MSG_ALLOCATE, "orderid=%s-%05d\nsku=%s\nqty=1", prefix, i,
			   sku);
}

void expect_handled(const struct sent *sent)
{
	ck_assert_int_eq(sent->answers, 1);
	ck_assert_str_eq(outcome_name(sent->outcome), "handled");
}

const char *batch_of(const char *orderid, const char *sku, int qty)
{
	const struct line_row *line = database_line(world->database, sku, orderid, qty);

	return line && line->batchref ? line->batchref : "";
}

static const char *event_line(const struct outgoing *event)
{
	struct envelope envelope;
	const char *error, *batchref;

	ck_assert_msg(memory_codec_read(event->type, event->payload, world->arena, &envelope, &error), "%s",
		      error);
	batchref = message_text(&envelope.message, "batchref");
	return arena_printf(world->arena, "%s %s %s %" PRId64 " %s %" PRId64, message_name(event->type),
			    message_text(&envelope.message, "orderid"),
			    message_text(&envelope.message, "sku"), message_number(&envelope.message, "qty"),
			    batchref ? batchref : "-", message_number(&envelope.message, "version"));
}

const char *published(void)
{
	const char *lines = "";

	for (size_t i = 0; i < memory_broker_count(world->broker); i++)
		lines = arena_printf(world->arena, "%s%s\n", lines,
				     event_line(memory_broker_event(world->broker, i)));
	return lines;
}

const char *sku_in_lane(size_t lane, int number)
{
	for (int i = 0;; i++) {
		const char *sku = arena_printf(world->arena, "SKU-%d", i);

		if ((size_t)partition_of(sku) % world->config.lanes == lane && number-- == 0)
			return sku;
	}
}

void hold_lane(void)
{
	cable_hold(memory_store_requests(world->lanes[0]));
}

void step_lane(void)
{
	ck_assert(cable_let_one(memory_store_requests(world->lanes[0])));
	world_run(world);
}

void release_lane(void)
{
	cable_open(memory_store_requests(world->lanes[0]));
	world_run(world);
}
