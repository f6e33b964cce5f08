/*
 * A worker reads two streams while other sessions lock products and batches shrink in steps.  More messages
 * for held-up SKUs arrive, over every transport, than half of a small queue holds.  In the end each entry has
 * had one effect, in the order of its stream for its SKU, and is acknowledged; and no line is left of an
 * order that was cancelled behind it.
 *
 * The seed determines a run: see seeds_to_run().
 */
#include "simulation/schedule/failures.h"
#include "simulation/schedule/schedule.h"
#include "support/misfortune.h"
#include "support/suites.h"

#include "bus/intake/stream_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST     900
#define RUNS      50
#define STEPS     120 /* of the longest runs */
#define TRACED    3   /* seeds that are played twice */
#define STREAMS   2
#define SOLD_OUT  4 /* SKUs without stock: each order raises exactly one event */
#define SHRINKING 2 /* SKUs with stock, whose shrinks move more lines than one step may */
#define SKUS      (SOLD_OUT + SHRINKING)
#define STOCK     40
#define MOVE_MAX  7    /* few lines in a step, so that shrinks often need several steps */
#define MESSAGES  20   /* the most that a step adds */
#define SELDOM    5000 /* calls, of which one fails in a smooth run */
#define MINUTE_MS ((int64_t)60 * 1000)
#define GROUP     "allocd"

struct source {
	struct memory_stream *stream;
	struct memory_consumer *consumer;
	struct memory_checkpoints *checkpoints;
	struct stream_reader *reader;
	int last[SKUS]; /* the last order of each SKU */
	int last_pair;  /* the last order with a line of each SKU that has stock */
};

static struct source sources[STREAMS];
static bool is_smooth;    /* few calls fail, and there is stock, so that most units do as they assumed */
static bool only_streams; /* then the worker may die; any other message would be lost with it */
static int sent_number;
static int sent_sku; /* of the last order that was not sent over a stream */

/* The orders that were cancelled, each over the way on which its lines came before. */
static const char *cancelled[STEPS * MESSAGES];
static const struct sent *cancelling[STEPS * MESSAGES]; /* NULL: by an entry of a stream */
static int cancelled_count;

static int any_with_stock(void)
{
	return SOLD_OUT + pick(SHRINKING);
}

static int any_sku(void)
{
	return is_smooth ? any_with_stock() : pick(SKUS);
}

static const char *sku_of(int number)
{
	return arena_printf(world->arena, "SKU-%d", number);
}

/* ---- commands ---- */

static void add_entry(int from, enum message_type type, const char *payload)
{
	story("stream %d receives %s %s", from, message_name(type), in_one_line(payload));
	memory_stream_add(sources[from].stream, &(struct stream_entry){.type = type,
								       .payload = {payload, strlen(payload)},
								       .payload_size = strlen(payload)});
}

static const char *order(const char *word, int from, int sku, int number)
{
	return arena_printf(world->arena, "%s.%d.%d.%d", word, from, sku, number);
}

static const char *order_line(const char *orderid, int sku)
{
	return arena_printf(world->arena, "orderid=%s\nsku=%s\nqty=1", orderid, sku_of(sku));
}

static const char *pair(int from, int number)
{
	return arena_printf(world->arena, "pair.%d.%d", from, number);
}

static void add_order(int sku)
{
	int from = pick(STREAMS);

	add_entry(from, MSG_ALLOCATE, order_line(order("entry", from, sku, ++sources[from].last[sku]), sku));
}

static void add_pair(void)
{
	int from = pick(STREAMS), number = ++sources[from].last_pair;

	for (int sku = SOLD_OUT; sku < SKUS; sku++)
		add_entry(from, MSG_ALLOCATE, order_line(pair(from, number), sku));
}

static const char *cancellation(const char *orderid)
{
	cancelling[cancelled_count] = NULL;
	cancelled[cancelled_count++] = orderid;
	return arena_printf(world->arena, "orderid=%s", orderid);
}

/* Cancels one of the last orders of a stream. */
static void add_cancellation(void)
{
	int from = pick(STREAMS), sku = SOLD_OUT + pick(SHRINKING), age = pick(5);

	add_entry(from, MSG_ORDER_CANCELLED,
		  cancellation(pick(3) ? pair(from, sources[from].last_pair - age)
				       : order("entry", from, sku, sources[from].last[sku] - age)));
}

/* Each SKU with stock has two. */
static const char *batch(int sku, int number)
{
	return arena_printf(world->arena, "batch-%d-%d", sku, number);
}

static const char *change(const char *batchref, int qty)
{
	return arena_printf(world->arena, "batchref=%s\nqty=%d", batchref, qty);
}

static const char *any_change(int sku)
{
	return change(batch(sku, pick(2)), pick(is_smooth ? 4 * STOCK : STOCK));
}

static void add_change(void)
{
	add_entry(pick(STREAMS), MSG_CHANGE_BATCH_QUANTITY, any_change(any_with_stock()));
}

static bool is_cancelled(const char *orderid)
{
	for (int i = 0; i < cancelled_count; i++) {
		if (!strcmp(cancelled[i], orderid))
			return true;
	}
	return false;
}

/*
 * A line comes again while one batch of its SKU loses a little stock, and the other one all.  A unit of work
 * may take the line for new, and move others into its batch, before it needs to know all lines of that batch.
 */
static void add_again(void)
{
	int from = pick(STREAMS), sku = any_with_stock();
	int number = sources[from].last[sku] - pick(5);
	const char *orderid = order("entry", from, sku, number);
	int32_t held = database_allocated(world->database, batch(sku, 0)) - pick(MOVE_MAX);

	if (number < 1 || is_cancelled(orderid))
		return;
	add_entry(from, MSG_ALLOCATE, order_line(orderid, sku));
	add_entry(from, MSG_CHANGE_BATCH_QUANTITY, change(batch(sku, 0), held < 0 ? 0 : held));
	add_entry(from, MSG_CHANGE_BATCH_QUANTITY, change(batch(sku, 1), 0));
}

static const struct sent *send(enum transport transport, enum message_type type, const char *payload)
{
	story("the worker receives over %s %s %s", transport == TRANSPORT_HTTP ? "HTTP" : "pub/sub",
	      message_name(type), in_one_line(payload));
	return world_send(world, transport, type, "%s", payload);
}

/* Over HTTP it may be postponed: then it has no effect. */
static void send_cancellation(enum transport transport)
{
	const char *text = cancellation(order("sent", STREAMS, sent_sku, sent_number));

	cancelling[cancelled_count - 1] = send(transport, MSG_ORDER_CANCELLED, text);
}

/* Sends a message over HTTP, or over pub/sub unless the worker has paused it. */
static void send_another(void)
{
	enum transport transport = pick(2) ? TRANSPORT_HTTP : TRANSPORT_PUBSUB;
	int sku = pick(SKUS);

	if (transport == TRANSPORT_PUBSUB &&
	    (engine_is_full(world->engine) || engine_pauses_pubsub(world->engine)))
		return;
	if (sku >= SOLD_OUT && pick(2))
		send(transport, MSG_CHANGE_BATCH_QUANTITY, any_change(sku));
	else if (sent_number && !pick(4))
		send_cancellation(transport);
	else
		send(transport, MSG_ALLOCATE,
		     order_line(order("sent", STREAMS, sent_sku = sku, ++sent_number), sku));
}

/* Adds some messages, most of them for one SKU. */
static void add_some(void)
{
	int hot = any_sku();

	for (int count = 1 + pick(MESSAGES); count > 0; count--) {
		if (!pick(15))
			add_change();
		else if (is_smooth && !pick(10))
			add_again();
		else if (!pick(12))
			add_cancellation();
		else if (!pick(10))
			add_pair();
		else if (!only_streams && !pick(8))
			send_another();
		else
			add_order(pick(3) ? hot : any_sku());
	}
}

/* ---- what goes wrong ---- */

static void hold_or_let_go(void *context)
{
	(void)context;
	for (int i = 0; i < STREAMS; i++) {
		if (engine_is_full(world->engine) || !engine_stats(world->engine)->database_up)
			stream_reader_pause(sources[i].reader);
		else
			stream_reader_resume(sources[i].reader);
	}
}

static void begin_reader(struct source *source, const char *name)
{
	struct stream_reader_ports ports = {
		.clock = &world->clock.clock,
		.random = &world->random.random,
		.logger = &world->logger.logger,
		.engine = world->engine,
	};

	source->consumer = memory_consumer_new(source->stream, GROUP, "worker");
	source->checkpoints = memory_checkpoints_new(world->database);
	ports.stream = memory_consumer_port(source->consumer);
	ports.checkpoints = memory_checkpoints_port(source->checkpoints);
	source->reader = stream_reader_new(
		&ports, &(struct stream_reader_config){.name = name, .retention_ms = 60 * MINUTE_MS});
	make_reader_unlucky(source->consumer, source->checkpoints);
	stream_reader_start(source->reader);
}

static void begin_worker(void)
{
	story("the worker starts");
	world->config.move_max = MOVE_MAX;
	world->config.lanes = 1 + (size_t)pick(3);
	world->config.backlog = (size_t[]){0, 8, 100}[pick(3)];
	world->config.unit_max = (size_t[]){1, 3, 10, 1000}[pick(4)];
	world->config.queue_max = (size_t[]){4, 5, 10, 50}[pick(4)];
	world->config.queue_bytes = (size_t[]){3000, 10000, 1000000}[pick(3)];
	world_prepare(world);
	make_lanes_unlucky();
	make_store_unlucky(world->parking);
	delay(memory_store_answers(world->parking));
	delay(memory_store_answers(world->intake));
	world_start(world);
	for (int i = 0; i < STREAMS; i++)
		begin_reader(&sources[i], i ? "second" : "first");
	engine_on_change(world->engine, hold_or_let_go, NULL);
}

static void end_worker(void)
{
	story("the worker is killed");
	for (int i = 0; i < STREAMS; i++) {
		memory_consumer_free(&sources[i].consumer);
		memory_checkpoints_free(&sources[i].checkpoints);
	}
	world_crash(world);
	for (int i = 0; i < STREAMS; i++)
		stream_reader_free(&sources[i].reader);
}

static void lock_or_unlock(void)
{
	const char *sku = pick(5) ? sku_of(pick(SKUS)) : NULL;

	if (sku) {
		story("another session locks %s", sku);
		database_lock_product(world->database, sku);
	} else {
		story("another session releases its locks");
		database_unlock_products(world->database);
	}
}

static void lose_group(void)
{
	int from = pick(STREAMS);

	if (!memory_stream_has_group(sources[from].stream, GROUP))
		return;
	story("stream %d loses its group", from);
	memory_stream_destroy_group(sources[from].stream, GROUP);
}

static void set_stream_down(void)
{
	int from = pick(STREAMS);
	bool down = pick(2);

	story("stream %d is %s", from, down ? "down" : "up");
	memory_stream_set_down(sources[from].stream, down);
}

static void set_database_down(void)
{
	bool down = pick(2);

	story("the database is %s", down ? "down" : "up");
	database_set_down(world->database, down);
}

static void end_lost_flush(void)
{
	bool commits = pick(2);

	if (database_lost_count(world->database))
		story("the oldest lost flush %s", commits ? "is committed if it can" : "is rolled back");
	database_end_lost(world->database, commits);
}

static void take_step(void)
{
	int kind = pick(100);

	if (kind < 40)
		add_some();
	else if (kind < 70)
		world_advance_ms(world, pick(100));
	else if (kind < 80)
		world_advance_ms(world, pick(5000));
	else if (kind < 82)
		set_stream_down();
	else if (kind < 84)
		set_database_down();
	else if (kind < 86)
		end_lost_flush();
	else if (kind < 96)
		lock_or_unlock();
	else if (kind < 97)
		world_advance_ms(world, pick(3 * (int)MINUTE_MS));
	else if (kind < 98)
		lose_group();
	else if (only_streams) {
		end_worker();
		begin_worker();
	}
}

static void come_to_an_end(void)
{
	story("all failures end");
	misfortune.is_over = true;
	database_unlock_products(world->database);
	database_set_down(world->database, false);
	for (int i = 0; i < STREAMS; i++)
		memory_stream_set_down(sources[i].stream, false);
	for (int i = 0; i < 3; i++) {
		while (database_lost_count(world->database))
			end_lost_flush();
		world_advance_ms(world, MINUTE_MS);
	}
	world_settle(world);
	for (int i = 0; i < 2 * PROCESS_LEASE_OF_STREAM && database_process_count(world->database); i++)
		world_advance_ms(world, 1000);
}

/* ---- what came of it ---- */

/* The first events of a stream's orders of a SKU are in order; an order of a sold-out SKU has one event. */
static void check_events(void)
{
	int seen[STREAMS][SKUS] = {0};

	for (const char *line = published(); *line; line = strchr(line, '\n') + 1) {
		int from, sku, number;

		if (sscanf(line, "%*s entry.%d.%d.%d ", &from, &sku, &number) != 3)
			continue;
		if (number == seen[from][sku] + 1)
			seen[from][sku] = number;
		else
			ck_assert_msg(sku >= SOLD_OUT && number <= seen[from][sku],
				      "stream %d, SKU %d: order %d came behind order %d", from, sku, number,
				      seen[from][sku]);
	}
	for (int from = 0; from < STREAMS; from++) {
		for (int sku = 0; sku < SKUS; sku++)
			ck_assert_int_eq(seen[from][sku], sources[from].last[sku]);
	}
}

static void check_cancelled(void)
{
	for (int i = 0; i < cancelled_count; i++) {
		if (cancelling[i] && cancelling[i]->outcome == OUTCOME_POSTPONED)
			continue;
		for (int sku = 0; sku < SKUS; sku++)
			ck_assert_msg(!*batch_of(cancelled[i], sku_of(sku), 1),
				      "%s was cancelled, but has a line of %s", cancelled[i], sku_of(sku));
	}
}

static void check_answers(void)
{
	for (const struct sent *it = world->first; it; it = it->next) {
		ck_assert_int_eq(it->answers, 1);
		ck_assert(it->outcome == OUTCOME_HANDLED || it->transport == TRANSPORT_HTTP);
		ck_assert(it->outcome == OUTCOME_HANDLED || it->outcome == OUTCOME_POSTPONED);
	}
}

/* Plays the whole run of a seed, and returns its trace. */
static uint64_t play(uint64_t seed)
{
	uint64_t trace;

	world = world_new();
	schedule_begin(&misfortune.random, seed, schedule_length(seed, STEPS));
	memory_random_init(&world->random, ~seed);
	misfortune.is_over = true;
	is_smooth = !(seed % 4);
	misfortune.one_call_in = is_smooth ? SELDOM : 3 + seed % 60;
	misfortune.tell_store = tell_store_failure;
	misfortune.tell_stream = tell_stream_failure;
	only_streams = seed % 2;
	memset(sources, 0, sizeof sources);
	sent_number = cancelled_count = 0;
	world_start(world);
	for (int i = 0; i < SKUS; i++) {
		create_batch(batch(i, 0), sku_of(i), i < SOLD_OUT ? 1 : STOCK);
		if (i < SOLD_OUT)
			allocate("first", sku_of(i), 1);
		else
			allocate_many("first", sku_of(i), STOCK - 5);
		if (i >= SOLD_OUT)
			create_batch(batch(i, 1), sku_of(i), STOCK);
	}
	world_settle(world);
	world_crash(world);
	for (int i = 0; i < STREAMS; i++)
		sources[i].stream = memory_stream_new(world->simulation);
	misfortune.is_over = false;
	begin_worker();
	while (schedule_next())
		take_step();
	come_to_an_end();

	check_events();
	check_cancelled();
	check_answers();
	ck_assert_uint_eq(database_process_count(world->database), 0);
	for (int i = 0; i < STREAMS; i++) {
		ck_assert_uint_eq(memory_stream_pending(sources[i].stream, GROUP), 0);
		ck_assert(stream_reader_is_idle(sources[i].reader));
		ck_assert_uint_eq(stream_reader_stats(sources[i].reader)->lost, 0);
	}
	ck_assert_uint_eq(world->database->dead_letter_count, 0);
	ck_assert_uint_eq(engine_stats(world->engine)->postponed_skus, 0);
	ck_assert_uint_eq(engine_stats(world->engine)->parked_messages, 0);
	ck_assert(!engine_pauses_pubsub(world->engine));
	schedule_end();
	trace = schedule_trace();
	end_worker();
	for (int i = 0; i < STREAMS; i++)
		memory_stream_free(&sources[i].stream);
	world_free(&world);
	return trace;
}

START_TEST(each_entry_has_its_one_effect_in_order_though_skus_are_held_up)
{
	play((uint64_t)_i);
}
END_TEST

START_TEST(a_seed_repeats_its_run_exactly)
{
	uint64_t seed = (uint64_t)_i, trace = play(seed);

	ck_assert_uint_eq(play(seed), trace);
	ck_assert_uint_ne(play(seed + 1), trace);
}
END_TEST

SUITE("held up (the number after the test's name is the seed)", .timeout_s = 120)
{
	struct seeds seeds = seeds_to_run(FIRST, RUNS);

	tcase_add_loop_test(tests, each_entry_has_its_one_effect_in_order_though_skus_are_held_up,
			    seeds.first, seeds.end);
	if (!seeds_are_chosen())
		tcase_add_loop_test(tests, a_seed_repeats_its_run_exactly, seeds.first, seeds.first + TRACED);
}
