/* Entries that a pass returns keep their order among those that a lane accepted before: see postponed.h. */
#include "support/bus_world.h"
#include "support/suites.h"

#include <string.h>

#define STREAM "stream"

/* Half of them fill the share of the queue that the messages of a locked SKU may fill. */
#define ENTRIES   30
#define QUEUE_MAX 20

/* Longer than a lock timeout and the search for the locked product. */
#define SOON_MS 1500

static enum outcome outcomes[ENTRIES + 1]; /* by number of the entry, of its last delivery */

static void set_up(void)
{
	set_up_no_worker();
	world->config.lanes = 1;
	world->config.unit_max = 1;
	world->config.queue_max = QUEUE_MAX;
	world_start(world);
	create_batch("hot", "hot", ENTRIES);
	create_batch("cold", "cold", 1);
	world_settle(world);
}

static void on_answered(void *context, const struct delivery *delivery)
{
	*(enum outcome *)context = delivery->outcome;
}

/* As the reader of a stream does: see stream_reading.c. */
static void deliver(int number, uint64_t pass)
{
	const char *payload = arena_printf(world->arena, "orderid=order-%d\nsku=hot\nqty=1", number);

	outcomes[number] = OUTCOME_NONE;
	engine_submit(world->engine, &(struct arrival){
					     .transport = TRANSPORT_STREAM,
					     .origin = STREAM,
					     .entry_id = arena_printf(world->arena, "%d-0", number),
					     .incarnation = 1,
					     .lease = world->lease,
					     .pass = pass,
					     .type = MSG_ALLOCATE,
					     .payload = {payload, strlen(payload)},
					     .payload_size = strlen(payload),
					     .answered = on_answered,
					     .context = &outcomes[number],
				     });
	world_run(world);
}

static uint64_t begin_pass_from(int number)
{
	return engine_begin_pass(world->engine, STREAM, (struct stream_id){(uint64_t)number - 1, UINT64_MAX});
}

/* Returns the number of the first entry that is postponed; those before it are handled. */
static int postpone_some(void)
{
	int first = 1;

	database_lock_product(world->database, "hot");
	for (int number = 1; number <= ENTRIES; number++)
		deliver(number, 0);
	world_advance_ms(world, SOON_MS);
	database_unlock_products(world->database);
	world_advance_ms(world, 10 * SOON_MS);
	while (outcomes[first] == OUTCOME_HANDLED)
		first++;
	ck_assert_int_lt(first, ENTRIES - 2);
	for (int number = first; number <= ENTRIES; number++)
		ck_assert_int_eq(outcomes[number], OUTCOME_POSTPONED);
	return first;
}

/* Asserts that the order was allocated, and returns the rest of `events` behind it. */
static const char *behind(const char *events, int number)
{
	const char *order = strstr(events, arena_printf(world->arena, " order-%d ", number));

	ck_assert_ptr_nonnull(order);
	return order + 1;
}

/* The pass that returns the postponed one ends before the lane begins its next unit. */
START_TEST(an_entry_that_a_lane_accepted_waits_for_one_before_it_that_is_postponed_later)
{
	int first = postpone_some();
	uint64_t pass = begin_pass_from(first);

	hold_lane();
	allocate("order", "cold", 1);
	world_run(world);
	deliver(first, pass);
	deliver(first + 2, pass);
	ck_assert_int_eq(outcomes[first + 2], OUTCOME_NONE);
	deliver(first + 1, 0); /* which came before the pass */

	ck_assert_int_eq(outcomes[first], OUTCOME_NONE);
	ck_assert_int_eq(outcomes[first + 1], OUTCOME_POSTPONED);
	ck_assert_int_eq(outcomes[first + 2], OUTCOME_POSTPONED);

	pass = begin_pass_from(first + 1);
	deliver(first + 1, pass);
	deliver(first + 2, pass);
	engine_end_pass(world->engine, STREAM);
	release_lane();
	world_settle(world);
	behind(behind(behind(published(), first), first + 1), first + 2);
}
END_TEST

SUITE("passes", set_up, tear_down_world, .timeout_s = 10)
{
	tcase_add_test(tests, an_entry_that_a_lane_accepted_waits_for_one_before_it_that_is_postponed_later);
}
