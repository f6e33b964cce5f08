/* A dry run: the real engine shows the effects of a message after those before it, and publishes nothing. */
#include "adapters/codec/codec.h"
#include "entrypoints/replay/dry_run_effects.h"
#include "entrypoints/replay/dry_run_store.h"
#include "support/suites.h"
#include "world.h"

#include <string.h>

static struct world world;
static struct database *copy; /* what the store of a dry run writes to */
static struct memory_store *below;
static struct dry_run_store *dry_run;
static struct dry_run_outbox *outbox;
static struct dry_run_broker *broker;
static struct engine *engine;
static struct dry_run_effects effects;
static enum outcome outcome;

static void show(void *context, const struct unit_of_work *uow)
{
	(void)context;
	dry_run_effects_note(&effects, uow, codec_payload_to_line);
}

static void on_answered(void *context, const struct delivery *delivery)
{
	(void)context;
	outcome = delivery->outcome;
}

static void submit(struct engine *to, enum message_type type, const char *payload)
{
	outcome = OUTCOME_NONE;
	engine_submit(to, &(struct arrival){
				  .transport = TRANSPORT_PUBSUB,
				  .origin = "test",
				  .type = type,
				  .payload = {payload, strlen(payload)},
				  .payload_size = strlen(payload),
				  .answered = on_answered,
			  });
	simulation_advance_ms(world.simulation, 5000);
	ck_assert_int_ne(outcome, OUTCOME_NONE);
}

static void make_dry_run_engine(void)
{
	struct engine_ports ports = {
		.codec = world.codec,
		.notifier = memory_notifier_port(world.notifier),
		.clock = &world.clock.clock,
		.random = &world.random.random,
		.logger = &world.logger.logger,
	};

	broker = dry_run_broker_new(&world.clock.clock);
	ports.broker = dry_run_broker_port(broker);
	copy = database_new(world.simulation, &world.database->config);
	below = memory_store_new(copy);
	dry_run = dry_run_store_new(memory_unit_store(below), &world.clock.clock, show, NULL);
	outbox = dry_run_outbox_new(&world.clock.clock);
	ports.lane_stores[0] = dry_run_store_port(dry_run);
	ports.batch_directory = memory_batch_directory(below);
	ports.process_store = memory_process_store(below);
	ports.outbox_store = dry_run_outbox_port(outbox);
	engine = engine_new(&ports, &(struct engine_config){.unit_max = 1,
							    .move_max = MOVE_MAX_DEFAULT,
							    .lanes = 1,
							    .queue_max = 1,
							    .queue_bytes = 1 << 20,
							    .no_chores = true,
							    .is_dry_run = true});
	engine_start(engine);
}

static void clear_effects(void)
{
	effects = (struct dry_run_effects){.arena = world.arena};
}

static void set_up(void)
{
	world_init(&world, 100);
	make_dry_run_engine();
	effects = (struct dry_run_effects){.arena = world.arena};
	submit(engine, MSG_CREATE_BATCH, "{\"batchref\":\"b1\",\"sku\":\"lamp\",\"qty\":10}");
	submit(engine, MSG_ALLOCATE, "{\"orderid\":\"o1\",\"sku\":\"lamp\",\"qty\":4}");
	clear_effects();
}

static void tear_down(void)
{
	memory_store_free(&below);
	dry_run_store_free(&dry_run);
	dry_run_outbox_free(&outbox);
	dry_run_broker_free(&broker);
	engine_free(&engine);
	database_free(&copy);
	world_release(&world);
}

/* All changes, one a line. */
static const char *changes(void)
{
	const char *text = "";

	for (size_t i = 0; i < effects.change_count; i++)
		text = arena_printf(world.arena, "%s%s\n", text, effects.changes[i]);
	return text;
}

START_TEST(a_dry_run_shows_all_changes_of_an_allocation)
{
	submit(engine, MSG_ALLOCATE, "{\"orderid\":\"o2\",\"sku\":\"lamp\",\"qty\":6,\"id\":\"i2\"}");

	ck_assert_int_eq(outcome, OUTCOME_HANDLED);
	ck_assert_str_eq(changes(), "id i2 of allocate is spent\n"
				    "product lamp: version 2\n"
				    "batch b1: 10 of 10 allocated\n"
				    "line of order o2, 6 pieces: in batch b1\n"
				    "read model: order o2, lamp: in batch b1\n");
	ck_assert_uint_eq(effects.event_count, 1);
	ck_assert_str_eq(effects.events[0].name, "line_allocated");
	ck_assert_ptr_nonnull(strstr(effects.events[0].json, "\"orderid\":\"o2\""));
}
END_TEST

START_TEST(a_dry_run_shows_a_new_product_and_its_batch)
{
	submit(engine, MSG_CREATE_BATCH, "{\"batchref\":\"b9\",\"sku\":\"new\",\"qty\":3}");

	ck_assert_str_eq(changes(), "new product new: version 0\n"
				    "new batch b9: 0 of 3 allocated\n");
}
END_TEST

START_TEST(a_dry_run_shows_a_line_that_loses_its_batch)
{
	submit(engine, MSG_CHANGE_BATCH_QUANTITY, "{\"batchref\":\"b1\",\"qty\":1}");

	ck_assert_str_eq(changes(), "product lamp: version 3\n"
				    "batch b1: 0 of 1 allocated\n"
				    "line of order o1, 4 pieces: in no batch any more\n"
				    "read model: order o1, lamp: gone\n"
				    "mail: lamp is out of stock for order o1, 4 pieces\n");
	ck_assert_uint_eq(effects.event_count, 2);
}
END_TEST

START_TEST(a_dry_run_shows_a_line_that_leaves_its_batch)
{
	submit(engine, _i ? MSG_SHIP : MSG_DEALLOCATE, "{\"orderid\":\"o1\",\"sku\":\"lamp\",\"qty\":4}");

	ck_assert_int_eq(outcome, OUTCOME_HANDLED);
	ck_assert_str_eq(changes(), arena_printf(world.arena,
						 "product lamp: version 2\n"
						 "batch b1: 0 of %d allocated\n"
						 "line of order o1, 4 pieces: in no batch any more\n"
						 "read model: order o1, lamp: gone\n",
						 _i ? 6 : 10));
	ck_assert_str_eq(effects.events[0].name, _i ? "line_shipped" : "line_deallocated");
}
END_TEST

START_TEST(a_rejection_in_a_dry_run_shows_no_change)
{
	submit(engine, MSG_ALLOCATE, "{\"orderid\":\"o1\",\"sku\":\"unknown\",\"qty\":4}");

	ck_assert_int_eq(outcome, OUTCOME_REJECTED);
	ck_assert_uint_eq(effects.event_count, 0);
	ck_assert_str_eq(changes(), "");
}
END_TEST

START_TEST(a_dry_run_publishes_mails_and_logs_nothing)
{
	submit(engine, MSG_ALLOCATE, "{\"orderid\":\"o2\",\"sku\":\"lamp\",\"qty\":6}");
	submit(engine, MSG_ALLOCATE, "{\"orderid\":\"o3\",\"sku\":\"lamp\",\"qty\":600}");
	submit(engine, MSG_ALLOCATE, "{\"orderid\":\"o3\",\"sku\":\"unknown\",\"qty\":1}");

	ck_assert_uint_eq(world.database->witness_count, 0);
	ck_assert_uint_eq(memory_broker_count(world.broker), 0);
	ck_assert_uint_eq(memory_notifier_attempts(world.notifier), 0);
	ck_assert_uint_eq(world.logger.count, 0);
	ck_assert(engine_is_idle(engine));
}
END_TEST

/* ---- several messages ---- */

static const struct step {
	enum message_type type;
	const char *payload, *event;
} steps[] = {
	{MSG_ALLOCATE, "{\"orderid\":\"o2\",\"sku\":\"lamp\",\"qty\":6}", "line_allocated"},
	{MSG_ALLOCATE, "{\"orderid\":\"o3\",\"sku\":\"lamp\",\"qty\":6}", "out_of_stock"},
	{MSG_CREATE_BATCH, "{\"batchref\":\"b2\",\"sku\":\"lamp\",\"qty\":6}", NULL},
	{MSG_ALLOCATE, "{\"orderid\":\"o3\",\"sku\":\"lamp\",\"qty\":6}", "line_allocated"},
	{MSG_ALLOCATE, "{\"orderid\":\"o3\",\"sku\":\"lamp\",\"qty\":6}", NULL}, /* a duplicate by now */
	{MSG_CHANGE_BATCH_QUANTITY, "{\"batchref\":\"b2\",\"qty\":5}", "line_deallocated"},
	{MSG_CREATE_BATCH, "{\"batchref\":\"b3\",\"sku\":\"new\",\"qty\":1}", NULL},
	{MSG_CHANGE_BATCH_QUANTITY, "{\"batchref\":\"b3\",\"qty\":2}", NULL},
	{MSG_ALLOCATE, "{\"orderid\":\"o4\",\"sku\":\"new\",\"qty\":2}", "line_allocated"},
};

START_TEST(each_message_of_a_dry_run_is_handled_after_those_before_it)
{
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		clear_effects();
		submit(engine, steps[i].type, steps[i].payload);
		ck_assert_pstr_eq(effects.event_count ? effects.events[0].name : NULL, steps[i].event);
		ck_assert_int_ne(outcome, OUTCOME_REJECTED);
	}
}
END_TEST

START_TEST(effects_beyond_their_bound_are_counted)
{
	effects.change_count = effects.event_count = EFFECTS_MAX;

	submit(engine, MSG_ALLOCATE, "{\"orderid\":\"last\",\"sku\":\"lamp\",\"qty\":600}");

	ck_assert_uint_eq(effects.changes_left_out, 2);
	ck_assert_uint_eq(effects.events_left_out, 1);
	ck_assert_int_eq(effects.events_of[MSG_OUT_OF_STOCK], 1);
}
END_TEST

START_TEST(an_existing_line_is_skipped_in_a_dry_run)
{
	submit(engine, MSG_ALLOCATE, "{\"orderid\":\"o1\",\"sku\":\"lamp\",\"qty\":4}");

	ck_assert_int_eq(outcome, OUTCOME_SKIPPED);
	ck_assert_str_eq(changes(), "");
}
END_TEST

START_TEST(an_id_that_was_spent_in_the_dry_run_is_skipped)
{
	static const char payload[] = "{\"orderid\":\"o2\",\"sku\":\"lamp\",\"qty\":1,\"id\":\"i2\"}";

	submit(engine, MSG_ALLOCATE, payload);
	clear_effects();
	submit(engine, MSG_ALLOCATE, payload);

	ck_assert_int_eq(outcome, OUTCOME_SKIPPED);
	ck_assert_str_eq(changes(), "");
}
END_TEST

START_TEST(a_dry_run_waits_for_a_database_that_refuses)
{
	memory_store_fail_next(below, CALL_LOAD, INJECT_REFUSED);
	memory_store_fail_next(below, CALL_LOAD, INJECT_CONFLICT);
	memory_store_fail_next(below, CALL_LOAD, INJECT_CONFLICT);

	submit(engine, MSG_ALLOCATE, "{\"orderid\":\"o2\",\"sku\":\"lamp\",\"qty\":6}");

	ck_assert_int_eq(outcome, OUTCOME_HANDLED);
	ck_assert_ptr_null(copy->locks);
}
END_TEST

SUITE("dry run", set_up, tear_down)
{
	tcase_add_test(tests, a_dry_run_shows_all_changes_of_an_allocation);
	tcase_add_test(tests, a_dry_run_shows_a_new_product_and_its_batch);
	tcase_add_test(tests, a_dry_run_shows_a_line_that_loses_its_batch);
	tcase_add_loop_test(tests, a_dry_run_shows_a_line_that_leaves_its_batch, 0, 2);
	tcase_add_test(tests, a_rejection_in_a_dry_run_shows_no_change);
	tcase_add_test(tests, a_dry_run_publishes_mails_and_logs_nothing);
	tcase_add_test(tests, each_message_of_a_dry_run_is_handled_after_those_before_it);
	tcase_add_test(tests, effects_beyond_their_bound_are_counted);
	tcase_add_test(tests, an_existing_line_is_skipped_in_a_dry_run);
	tcase_add_test(tests, an_id_that_was_spent_in_the_dry_run_is_skipped);
	tcase_add_test(tests, a_dry_run_waits_for_a_database_that_refuses);
}
