/*
 * A worker that reads a stream while everything goes wrong: delays, outages, lost answers, lost groups, rows
 * that another session locks, deaths.  In the end each entry had its one effect, in the order of the stream,
 * and is acknowledged.
 */
#include "support/misfortune.h"
#include "support/suites.h"
#include "unit/bus/intake/stream_world.h"

#include <string.h>

#define RUNS        SEEDED_RUNS(100)
#define STEPS       150
#define SKUS        3
#define ENTRIES_MAX 1000
#define MINUTE_MS   ((int64_t)60 * 1000)

struct run {
	int entries, messages;    /* an entry that repeats an id is no new message */
	int with_id[ENTRIES_MAX]; /* messages that have an id */
	int with_id_count;
	int batches;
	const char *expected[SKUS]; /* the orders, in the stream's order */
};

static struct run run;

/* ---- entries ---- */

static const char *sku_of(int message)
{
	return arena_printf(world->arena, "SKU-%d", message % SKUS);
}

static const char *id_of(int message)
{
	return arena_printf(world->arena, "m-%d", message);
}

static void add_entry(enum message_type type, const char *payload, const char *id)
{
	memory_stream_add(stream, &(struct stream_entry){.type = type,
							 .message_id = id,
							 .payload = {payload, strlen(payload)},
							 .payload_size = strlen(payload)});
	run.entries++;
}

/* Adds an allocate that finds no stock, so that each handling raises one event. */
static void add(int message, const char *id)
{
	add_entry(MSG_ALLOCATE,
		  arena_printf(world->arena, "orderid=order-%d\nsku=%s\nqty=1", message, sku_of(message)),
		  id);
}

/* Adds a batch and a change of it, which would be rejected if it were handled first. */
static void add_batch_and_change(void)
{
	int number = run.batches++;

	add_entry(MSG_CREATE_BATCH,
		  arena_printf(world->arena, "ref=new-%d\nsku=%s\nqty=1", number, sku_of(number)), NULL);
	if (pick(2))
		add(run.with_id[0], id_of(run.with_id[0]));
	add_entry(MSG_CHANGE_BATCH_QUANTITY, arena_printf(world->arena, "batchref=new-%d\nqty=1", number),
		  NULL);
}

static void add_again(void)
{
	int message = run.with_id[pick(run.with_id_count)];

	add(message, id_of(message));
}

static void add_another(void)
{
	int message = run.messages++;
	const char **expected = &run.expected[message % SKUS];
	bool has_id = pick(2);

	if (has_id)
		run.with_id[run.with_id_count++] = message;
	add(message, has_id ? id_of(message) : NULL);
	*expected = arena_printf(world->arena, "%sorder-%d ", *expected, message);
}

static void add_some(void)
{
	for (int count = 1 + pick(12); count > 0 && run.messages < ENTRIES_MAX; count--) {
		if (run.with_id_count && !pick(5))
			add_again();
		else if (run.with_id_count && !pick(10))
			add_batch_and_change();
		else
			add_another();
	}
}

/* ---- what goes wrong ---- */

static void begin_worker(void)
{
	world->config.lanes = 1 + (size_t)pick(3);
	world->config.backlog = (size_t[]){0, 8, 100}[pick(3)];
	world->config.unit_max = (size_t[]){1, 3, 1000}[pick(3)];
	world->config.queue_max = (size_t[]){5, 50, 100000}[pick(3)];
	world_prepare(world);
	make_lanes_unlucky();
	world_start(world);
	prepare_reader();
	make_reader_unlucky(consumer, checkpoints);
	stream_reader_start(reader);
}

static void replace_worker(void)
{
	crash_reading();
	begin_worker();
}

static void lose_group(void)
{
	if (memory_stream_has_group(stream, GROUP))
		memory_stream_destroy_group(stream, GROUP);
}

/* Has another session lock a product's row, or release all locks. */
static void lock_or_unlock(void)
{
	if (pick(3))
		database_lock_product(world->database, sku_of(pick(SKUS)));
	else
		database_unlock_products(world->database);
}

static void take_step(void)
{
	int kind = pick(100);

	if (kind < 40)
		add_some();
	else if (kind < 75)
		world_advance_ms(world, pick(100));
	else if (kind < 82)
		world_advance_ms(world, pick(5000));
	else if (kind < 85)
		memory_stream_set_down(stream, pick(2));
	else if (kind < 88)
		database_set_down(world->database, pick(2));
	else if (kind < 92)
		database_end_lost(world->database, pick(2));
	else if (kind < 93)
		lose_group();
	else if (kind < 96)
		lock_or_unlock();
	else if (kind < 97)
		world_advance_ms(world, pick(2 * STREAM_CLAIM_IDLE_MS));
	else
		replace_worker();
}

static void come_to_an_end(void)
{
	misfortune.is_over = true;
	database_unlock_products(world->database);
	memory_stream_set_down(stream, false);
	database_set_down(world->database, false);
	while (database_lost_count(world->database))
		database_end_lost(world->database, pick(2));
	world_advance_ms(world, MINUTE_MS);
	while (database_lost_count(world->database)) /* flushes that were lost before the minute */
		database_end_lost(world->database, pick(2));
	world_advance_ms(world, MINUTE_MS);
	world_settle(world);
}

/* ---- what came of it ---- */

/* Picks the orders of the SKU out of lines "out_of_stock ORDER SKU 1 - VERSION". */
static const char *orders_of(const char *sku)
{
	const char *text = "", *needle = arena_printf(world->arena, " %s ", sku);

	for (const char *line = published(); *line; line = strchr(line, '\n') + 1) {
		const char *order = strchr(line, ' ') + 1, *end = strchr(order, ' ');

		if (!strncmp(end, needle, strlen(needle)))
			text = arena_printf(world->arena, "%s%.*s ", text, (int)(end - order), order);
	}
	return text;
}

START_TEST(each_entry_has_one_effect_in_order_under_random_failures)
{
	run = (struct run){0};
	misfortune = (struct misfortune){.one_call_in = 3 + (uint64_t)_i % 40};
	memory_random_init(&misfortune.random, (uint64_t)_i);
	memory_random_init(&world->random, ~(uint64_t)_i);
	for (int i = 0; i < SKUS; i++) {
		create_batch(sku_of(i), sku_of(i), 1);
		allocate("first", sku_of(i), 1);
		run.expected[i] = "first ";
	}
	world_settle(world);
	world_crash(world);
	begin_worker();
	for (int step = 0; step < STEPS; step++)
		take_step();
	come_to_an_end();

	for (int i = 0; i < SKUS; i++)
		ck_assert_str_eq(orders_of(sku_of(i)), run.expected[i]);
	ck_assert_uint_eq(memory_stream_pending(stream, GROUP), 0);
	ck_assert(stream_reader_is_idle(reader));
	ck_assert_uint_eq(stream_reader_stats(reader)->lost, 0);
	ck_assert_uint_eq(world->database->dead_letter_count, 0);
	ck_assert_uint_eq(engine_stats(world->engine)->postponed_skus, 0);
	ck_assert_uint_eq(memory_stream_length(stream), (size_t)run.entries);
}
END_TEST

static void set_up(void)
{
	set_up_world();
	set_up_stream();
}

SUITE("stream chaos", set_up, tear_down_stream_world)
{
	tcase_add_loop_test(tests, each_entry_has_one_effect_in_order_under_random_failures, 0, RUNS);
}
