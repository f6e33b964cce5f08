/*
 * Every scenario has the effects that it expects, on a real engine, and the check finds each that is
 * missing.
 */
#include "bench_world.h"
#include "entrypoints/bench/check.h"
#include "support/suites.h"
#include "world.h"

#include <stdlib.h>
#include <string.h>

static struct world world;
static struct bench_effects effects;

static void submit(uint32_t number)
{
	char text[BENCH_PAYLOAD_MAX];
	const struct bench_step *step = &plan->steps[number];
	struct bytes payload = bench_payload(text, run_name, number, step);

	bench_verifier_sent(verifier, number + 1);
	engine_submit(world.engine, &(struct arrival){
					    .transport = TRANSPORT_PUBSUB,
					    .origin = "bench",
					    .type = (enum message_type)step->command,
					    .payload = payload,
					    .payload_size = payload.size,
				    });
}

static void receive(size_t index, int64_t now_us)
{
	const struct outgoing *event = memory_broker_event(world.broker, index);
	struct bench_event read;

	ck_assert(bench_read_event(event->payload, run_name, &read));
	bench_verifier_received(verifier, event->type, &read, now_us);
}

/* Sends and handles all messages; the test decides which of the events arrive. */
static void run_scenario(const struct bench_options *scenario)
{
	make_plan(scenario);
	world_init(&world, 2 * plan->count);
	for (uint32_t number = 0; number < plan->count; number++)
		submit(number);
	for (int i = 0; i < 100 && !engine_is_idle(world.engine); i++)
		world_run_ms(&world, 10);
	ck_assert(engine_is_idle(world.engine));
}

static void receive_all(void)
{
	for (size_t i = 0; i < memory_broker_count(world.broker); i++)
		receive(i, 1000000);
}

/* Reads from the database in memory what the queries of a run read from Postgres. */
static void gather(struct bench_check *check, struct bench_results *results)
{
	*results = (struct bench_results){
		.dead_letters = (int64_t)world.database->dead_letter_count,
	};
	for (size_t i = 0; i < world.database->view_count; i++)
		results->shown += world.database->view_list[i]->batchref != NULL;
	for (size_t i = 0; i < world.database->inbox_count; i++)
		results->handled +=
			strncmp(world.database->inbox_list[i]->id, run_name, strlen(run_name)) == 0;
	for (size_t i = 0; i < world.database->product_count; i++) {
		const struct product_row *product = world.database->product_list[i];

		bench_check_listener.product(check, strtol(strstr(product->sku, "-s") + 2, NULL, 10),
					     product->version);
		for (const struct batch_row *batch = product->batches; batch; batch = batch->next)
			results->allocated += batch->allocated;
		for (const struct line_row *line = product->lines; line; line = line->next)
			results->lines += line->batchref != NULL;
	}
}

static void conclude(void (*damage)(struct bench_check *check, struct bench_results *results))
{
	struct bench_results results;
	struct bench_check check;

	bench_check_init(&check, run_name, verifier);
	gather(&check, &results);
	if (damage)
		damage(&check, &results);
	bench_check_conclude(&check, &results, &effects);
	bench_check_release(&check);
	world_release(&world);
}

START_TEST(every_scenario_has_the_effects_it_expects)
{
	run_scenario(&scenarios[_i]);
	receive_all();
	conclude(NULL);

	ck_assert_msg(verifier->faults.count == 0, "%s", verifier->faults.texts[0]);
	ck_assert_uint_eq(effects.missing, 0);
	ck_assert_uint_eq(effects.messages, plan->count);
	ck_assert_uint_eq(plan->count - plan->measured, scenarios[_i].messages);
	ck_assert_uint_eq(plan->measured - plan->stock, scenarios[_i].warm_up);
	ck_assert_uint_eq(verifier->done, plan->with_events);
	ck_assert_uint_eq(bench_verifier_in_flight(verifier), 0);
}
END_TEST

/* ---- a check finds what is missing or wrong ---- */

START_TEST(a_lost_event_is_reported_with_its_message)
{
	run_scenario(&few);
	for (size_t i = 0; i < 3; i++)
		receive(i, 1);
	ck_assert_uint_eq(bench_verifier_in_flight(verifier), 1);
	conclude(NULL);

	ck_assert_uint_eq(effects.missing, 1);
	EXPECT_FAULT("bench-000000000000002a-m00000004 (allocate): 0 of 1 events");
	EXPECT_FAULT("SKU 0 has version 4, version 3 arrived last");
}
END_TEST

START_TEST(a_gap_in_the_versions_of_a_sku_is_a_fault)
{
	run_scenario(&few);
	receive(0, 1);
	receive(2, 1);
	conclude(NULL);

	EXPECT_FAULT("SKU 0: version 3 arrived after version 1");
}
END_TEST

START_TEST(a_duplicate_event_is_counted_and_is_not_a_fault)
{
	run_scenario(&few);
	receive(0, 1);
	receive(1, 1);
	receive(0, 1);
	for (size_t i = 1; i < 4; i++)
		receive(i, 1);
	conclude(NULL);

	ck_assert_uint_eq(verifier->duplicates, 2);
	ck_assert_msg(verifier->faults.count == 0, "%s", faults());
}
END_TEST

static void remove_from_inbox(struct bench_check *check, struct bench_results *results)
{
	bench_check_listener.missing(check, 2);
	results->handled--;
}

static void remove_line(struct bench_check *check, struct bench_results *results)
{
	(void)check;
	results->lines--;
}

static void remove_view_row(struct bench_check *check, struct bench_results *results)
{
	(void)check;
	results->shown--;
}

static void allocate_twice(struct bench_check *check, struct bench_results *results)
{
	(void)check;
	results->allocated++;
}

static void remove_product(struct bench_check *check, struct bench_results *results)
{
	(void)results;
	check->products--;
}

static void add_dead_letter(struct bench_check *check, struct bench_results *results)
{
	bench_check_listener.dead_letter(check, "failed", "some-id", "too late");
	results->dead_letters++;
}

static const struct {
	void (*damage)(struct bench_check *check, struct bench_results *results);
	const char *fault;
} damages[] = {
	{remove_from_inbox, "bench-000000000000002a-m00000002 (allocate): not in the inbox; 1 of 1 events"},
	{remove_from_inbox, "messages handled: 4, not 5"},
	{remove_line, "order lines: 3, not 4"},
	{remove_view_row, "lines in the read model: 3, not 4"},
	{allocate_twice, "allocated, the sum over all batches: 5, not 4"},
	{remove_product, "products: 0, not 1"},
	{add_dead_letter, "some-id is a dead letter: failed: too late"},
	{add_dead_letter, "dead letters: 1, not 0"},
};

START_TEST(each_row_that_the_database_lacks_is_a_fault)
{
	run_scenario(&few);
	receive_all();
	conclude(damages[_i].damage);

	EXPECT_FAULT(damages[_i].fault);
	ck_assert_uint_eq(effects.missing, damages[_i].damage == remove_from_inbox);
}
END_TEST

START_TEST(without_results_of_the_database_only_events_are_checked)
{
	struct bench_check check;

	run_scenario(&few);
	receive(0, 1);
	receive(1, 1);
	bench_check_init(&check, run_name, verifier);
	bench_check_conclude(&check, NULL, &effects);
	bench_check_release(&check);
	world_release(&world);

	ck_assert_uint_eq(effects.missing, 2);
	EXPECT_FAULT("bench-000000000000002a-m00000004 (allocate): 0 of 1 events arrived");
	ck_assert_uint_eq(verifier->faults.count, 2);
}
END_TEST

START_TEST(messages_that_were_not_sent_are_a_fault)
{
	make_plan(&few);
	world_init(&world, 1000);
	conclude(NULL);

	EXPECT_FAULT("messages sent: 0, not 5");
}
END_TEST

SUITE("bench check", bench_set_up, bench_tear_down)
{
	tcase_add_loop_test(tests, every_scenario_has_the_effects_it_expects, 0, SCENARIOS);
	tcase_add_test(tests, a_lost_event_is_reported_with_its_message);
	tcase_add_test(tests, a_gap_in_the_versions_of_a_sku_is_a_fault);
	tcase_add_test(tests, a_duplicate_event_is_counted_and_is_not_a_fault);
	tcase_add_loop_test(tests, each_row_that_the_database_lacks_is_a_fault, 0, COUNT(damages));
	tcase_add_test(tests, without_results_of_the_database_only_events_are_checked);
	tcase_add_test(tests, messages_that_were_not_sent_are_a_fault);
}
