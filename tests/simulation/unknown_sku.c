/* How the ledger judges a command that found its SKU unknown, although the SKU exists at the commit. */
#include "simulation/ledger.h"

#include "support/rival.h"

static struct ledger ledger;

static void set_up_one_worker(void)
{
	ledger = (struct ledger){0};
	set_up_replicas();
	start_replica(0, STREAMS);
}

static struct entry *add(enum message_type type, const char *fields)
{
	return ledger_add(&ledger, TRANSPORT_HTTP, type, fields);
}

static void let_rival_handle(enum message_type type, const char *fields)
{
	struct entry *entry = add(type, fields);

	entry->by_rival = true;
	ck_assert_int_eq(rival_send(entry->type, entry->payload), OUTCOME_HANDLED);
}

START_TEST(a_line_is_skipped_that_another_worker_allocates_after_its_sku_was_not_found)
{
	struct entry *allocate = add(MSG_ALLOCATE, "orderid=order\nsku=LAMP\nqty=1");
	struct entry *event = add(MSG_ORDER_CANCELLED, "orderid=order");

	hold_lane();
	ledger_deliver(allocate, 0);
	ledger_deliver(event, 0);
	world_run(world);
	while (!allocate->sent[0]->answers)
		step_lane();
	step_lane(); /* the load of the command that the event became; its flush is held */
	let_rival_handle(MSG_CREATE_BATCH, "ref=batch\nsku=LAMP\nqty=10");
	let_rival_handle(MSG_ALLOCATE, "orderid=order\nsku=LAMP\nqty=1");
	release_lane();
	world_advance_ms(world, 10000); /* what the other worker committed is published, too */

	ck_assert_int_eq(allocate->sent[0]->verdict, REJECT_INVALID_SKU);
	ck_assert_str_eq(batch_of("order", "LAMP", 1), "batch");
	ck_assert_int_eq(world->database->inbox_list[2]->outcome, OUTCOME_SKIPPED);
	ledger_check(&ledger, &(struct chaos){.broker_keeps = true});
}
END_TEST

SUITE("unknown sku", set_up_one_worker, tear_down_replicas, .timeout_s = 10)
{
	if (!seeds_are_chosen())
		tcase_add_test(tests,
			       a_line_is_skipped_that_another_worker_allocates_after_its_sku_was_not_found);
}
