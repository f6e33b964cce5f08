/* The verdict on each command, over every transport. */
#include "support/bus_world.h"
#include "support/suites.h"

#include <string.h>

/* ---- create_batch ---- */

START_TEST(a_batch_is_created_with_its_product)
{
	struct sent *sent = world_send(world, TRANSPORT_HTTP, MSG_CREATE_BATCH,
				       "ref=batch\nsku=LAMP\nqty=10\neta=2024-02-29");
	const struct batch_row *row;

	world_run(world);

	expect_handled(sent);
	ck_assert_int_eq(sent->verdict, ACCEPTED);
	row = database_batch(world->database, "batch");
	ck_assert_str_eq(row->sku, "LAMP");
	ck_assert_int_eq(row->purchased, 10);
	ck_assert_int_eq(row->eta, 19782);
	ck_assert(database_revision(world->database, "LAMP") == 1);
}
END_TEST

START_TEST(a_repeated_create_batch_is_a_duplicate_even_after_the_batch_changed)
{
	struct sent *sent;

	create_batch("batch", "LAMP", 10);
	change_quantity("batch", 3);
	sent = create_batch("batch", "LAMP", 10);

	world_run(world);

	ck_assert_int_eq(sent->verdict, SKIP_DUPLICATE);
	ck_assert_int_eq(sent->outcome, OUTCOME_SKIPPED);
	ck_assert_int_eq(database_purchased(world->database, "batch"), 3);
}
END_TEST

static const char *const other_batches[] = {
	"ref=batch\nsku=LAMP\nqty=11",
	"ref=batch\nsku=LAMP\nqty=10\neta=2024-01-01",
	"ref=batch\nsku=CHAIR\nqty=10",
};

START_TEST(a_reference_taken_by_other_data_is_rejected)
{
	struct sent *sent;

	create_batch("batch", "LAMP", 10);
	world_run(world);
	sent = world_send(world, TRANSPORT_HTTP, MSG_CREATE_BATCH, "%s", other_batches[_i]);
	world_run(world);

	ck_assert_int_eq(sent->outcome, OUTCOME_REJECTED);
	ck_assert_int_eq(sent->verdict, REJECT_BATCHREF_TAKEN);
	ck_assert_int_eq(database_purchased(world->database, "batch"), 10);
	ck_assert_ptr_null(database_product(world->database, "CHAIR"));
}
END_TEST

/* ---- allocate ---- */

START_TEST(a_line_is_allocated)
{
	struct sent *sent;

	create_batch("batch", "LAMP", 10);
	sent = allocate("order", "LAMP", 3);

	world_run(world);

	expect_handled(sent);
	ck_assert_str_eq(batch_of("order", "LAMP", 3), "batch");
	ck_assert_str_eq(database_view(world->database, "LAMP", "order", 3)->batchref, "batch");
	ck_assert_str_eq(published(), "line_allocated order LAMP 3 batch 1\n");
}
END_TEST

START_TEST(an_unknown_sku_is_rejected)
{
	struct sent *sent = allocate("order", "LAMP", 3);

	world_run(world);

	ck_assert_int_eq(sent->outcome, OUTCOME_REJECTED);
	ck_assert_int_eq(sent->verdict, REJECT_INVALID_SKU);
	ck_assert_str_eq(published(), "");
}
END_TEST

START_TEST(a_line_allocated_already_is_skipped)
{
	struct sent *again;

	create_batch("batch", "LAMP", 10);
	allocate("order", "LAMP", 3);
	world_run(world);
	again = allocate("order", "LAMP", 3);
	world_run(world);

	ck_assert_int_eq(again->outcome, OUTCOME_SKIPPED);
	ck_assert_int_eq(database_allocated(world->database, "batch"), 3);
}
END_TEST

START_TEST(an_allocate_with_another_quantity_is_another_line)
{
	create_batch("batch", "LAMP", 10);
	allocate("order", "LAMP", 3);
	world_run(world);
	allocate("order", "LAMP", 4);
	world_run(world);

	ck_assert_int_eq(database_allocated(world->database, "batch"), 7);
}
END_TEST

START_TEST(an_allocate_without_stock_is_handled_and_notified)
{
	struct sent *sent;

	create_batch("batch", "LAMP", 10);
	sent = allocate("order", "LAMP", 11);

	world_run(world);

	expect_handled(sent);
	ck_assert_str_eq(published(), "out_of_stock order LAMP 11 - 1\n");
	ck_assert_uint_eq(memory_notifier_count(world->notifier), 1);
	ck_assert_str_eq(memory_notifier_sent(world->notifier, 0)->orderid, "order");
	ck_assert_ptr_null(database_line(world->database, "LAMP", "order", 11));
}
END_TEST

START_TEST(a_line_that_was_out_of_stock_is_decided_anew_when_sent_again)
{
	create_batch("batch", "LAMP", 1);
	allocate("order", "LAMP", 2);
	create_batch("more", "LAMP", 2);
	world_run(world);
	ck_assert_str_eq(batch_of("order", "LAMP", 2), "");

	allocate("order", "LAMP", 2);
	world_run(world);

	ck_assert_str_eq(batch_of("order", "LAMP", 2), "more");
}
END_TEST

/* ---- change_batch_quantity ---- */

START_TEST(an_unknown_batch_is_rejected)
{
	struct sent *sent = change_quantity("batch", 3);

	world_run(world);

	ck_assert_int_eq(sent->outcome, OUTCOME_REJECTED);
	ck_assert_int_eq(sent->verdict, REJECT_UNKNOWN_BATCH);
}
END_TEST

START_TEST(a_shrink_gives_up_the_newest_lines_and_allocates_them_again)
{
	create_batch("a", "LAMP", 30);
	create_batch("b", "LAMP", 15);
	allocate("one", "LAMP", 10);
	allocate("two", "LAMP", 10);
	allocate("three", "LAMP", 10);
	world_run(world);

	change_quantity("a", 10);
	world_run(world);

	ck_assert_str_eq(published(), "line_allocated one LAMP 10 a 1\n"
				      "line_allocated two LAMP 10 a 2\n"
				      "line_allocated three LAMP 10 a 3\n"
				      "line_deallocated three LAMP 10 a 4\n"
				      "line_deallocated two LAMP 10 a 5\n"
				      "line_allocated two LAMP 10 b 6\n"
				      "out_of_stock three LAMP 10 - 7\n");
	ck_assert_ptr_null(database_view(world->database, "LAMP", "three", 10));
}
END_TEST

static struct sent *change_at(int qty, const char *occurred_at)
{
	return world_send(world, TRANSPORT_HTTP, MSG_CHANGE_BATCH_QUANTITY, "batchref=batch\nqty=%d%s%s", qty,
			  *occurred_at ? "\noccurred_at=" : "", occurred_at);
}

static const struct {
	const char *occurred_at;
	enum verdict verdict;
	int purchased;
} changes_after_noon[] = {
	{"2023-12-31T11:59:59.999999Z", SKIP_OUT_OF_DATE, 20},
	{"2023-12-31T12:00:00Z", ACCEPTED, 30},
	{"2023-12-31T12:00:00.000001Z", ACCEPTED, 30},
	{"", ACCEPTED, 30},
};

START_TEST(a_change_older_than_the_last_one_is_out_of_date)
{
	struct sent *sent;

	create_batch("batch", "LAMP", 10);
	change_at(20, "2023-12-31T12:00:00Z");
	world_run(world);
	sent = change_at(30, changes_after_noon[_i].occurred_at);
	world_run(world);

	ck_assert_int_eq(sent->verdict, changes_after_noon[_i].verdict);
	ck_assert_int_eq(database_purchased(world->database, "batch"), changes_after_noon[_i].purchased);
}
END_TEST

START_TEST(a_change_without_a_time_leaves_the_watermark)
{
	struct sent *sent;

	create_batch("batch", "LAMP", 10);
	change_at(20, "2023-12-31T12:00:00Z");
	change_at(30, "");
	sent = change_at(40, "2023-12-31T11:00:00Z");
	world_run(world);

	ck_assert_int_eq(sent->verdict, SKIP_OUT_OF_DATE);
	ck_assert_int_eq(database_purchased(world->database, "batch"), 30);
}
END_TEST

/* The database's clock begins at 2024-01-01. */
static const struct {
	const char *occurred_at;
	enum outcome outcome;
} around_five_minutes_ahead[] = {
	{"2024-01-01T00:05:00Z", OUTCOME_HANDLED},
	{"2024-01-01T00:05:00.000001Z", OUTCOME_INVALID},
};

START_TEST(a_message_more_than_five_minutes_ahead_is_invalid)
{
	struct sent *sent;

	create_batch("batch", "LAMP", 10);
	sent = change_at(20, around_five_minutes_ahead[_i].occurred_at);
	world_run(world);

	ck_assert_int_eq(sent->outcome, around_five_minutes_ahead[_i].outcome);
}
END_TEST

/* ---- message ids ---- */

static struct sent *allocate_with_id(const char *orderid, const char *id)
{
	return world_send(world, TRANSPORT_HTTP, MSG_ALLOCATE, "orderid=%s\nsku=LAMP\nqty=1\nid=%s", orderid,
			  id);
}

/* _i: whether both messages are in one unit of work, or in two. */
START_TEST(a_message_with_a_spent_id_is_a_duplicate)
{
	struct sent *first, *again;

	create_batch("batch", "LAMP", 10);
	world_run(world);
	first = world_send(world, TRANSPORT_HTTP, MSG_CHANGE_BATCH_QUANTITY, "batchref=batch\nqty=7\nid=x");
	if (_i)
		world_run(world);
	change_quantity("batch", 8);
	again = world_send(world, TRANSPORT_PUBSUB, MSG_CHANGE_BATCH_QUANTITY, "batchref=batch\nqty=7\nid=x");
	world_run(world);

	expect_handled(first);
	ck_assert_int_eq(again->verdict, SKIP_DUPLICATE);
	ck_assert_int_eq(database_purchased(world->database, "batch"), 8);
	ck_assert_uint_eq(world->database->dead_letter_count, 0);
}
END_TEST

START_TEST(a_spent_id_with_other_content_is_rejected)
{
	struct sent *other;

	create_batch("batch", "LAMP", 10);
	allocate_with_id("one", "x");
	if (_i)
		world_run(world);
	other = allocate_with_id("two", "x");
	world_run(world);

	ck_assert_int_eq(other->outcome, OUTCOME_REJECTED);
	ck_assert_int_eq(other->verdict, REJECT_ID_REUSED);
	ck_assert_str_eq(batch_of("two", "LAMP", 1), "");
}
END_TEST

START_TEST(a_rejected_message_does_not_spend_its_id)
{
	struct sent *rejected = allocate_with_id("order", "x"), *again;

	world_run(world);
	create_batch("batch", "LAMP", 10);
	again = allocate_with_id("order", "x");
	world_run(world);

	ck_assert_int_eq(rejected->outcome, OUTCOME_REJECTED);
	expect_handled(again);
}
END_TEST

START_TEST(a_skipped_message_spends_its_id)
{
	create_batch("batch", "LAMP", 10);
	allocate("order", "LAMP", 1);
	allocate_with_id("order", "x");
	world_run(world);

	ck_assert_uint_eq(database_inbox_count(world->database), 1);
	ck_assert_int_eq(world->database->inbox_list[0]->outcome, OUTCOME_SKIPPED);
}
END_TEST

START_TEST(an_event_names_the_command_that_caused_it)
{
	struct envelope envelope;
	const char *error;

	create_batch("batch", "LAMP", 10);
	world_send(world, TRANSPORT_HTTP, MSG_ALLOCATE,
		   "orderid=o\nsku=LAMP\nqty=1\nid=x\n"
		   "traceparent=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
	world_run(world);

	ck_assert(memory_codec_read(MSG_LINE_ALLOCATED, memory_broker_event(world->broker, 0)->payload,
				    world->arena, &envelope, &error));
	ck_assert_str_eq(envelope.message.as.line_allocated.cause, "x");
	ck_assert_str_eq(envelope.traceparent, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
	ck_assert(envelope.occurred_at == database_now(world->database));
}
END_TEST

/* ---- dead letters ---- */

static const struct {
	const char *what;
	enum message_type type;
	const char *payload;
	enum outcome outcome;
	bool dead; /* becomes a dead letter unless it arrived over HTTP */
} messages[] = {
	{"handled", MSG_ALLOCATE, "orderid=new\nsku=LAMP\nqty=1", OUTCOME_HANDLED, false},
	{"duplicate", MSG_ALLOCATE, "orderid=old\nsku=LAMP\nqty=1", OUTCOME_SKIPPED, false},
	{"unknown sku", MSG_ALLOCATE, "orderid=new\nsku=CHAIR\nqty=1", OUTCOME_REJECTED, true},
	{"unknown batch", MSG_CHANGE_BATCH_QUANTITY, "ref=unknown\nqty=1", OUTCOME_REJECTED, true},
	{"taken", MSG_CREATE_BATCH, "ref=batch\nsku=LAMP\nqty=1", OUTCOME_REJECTED, true},
	{"malformed", MSG_ALLOCATE, "orderid=new\nsku=LAMP\nqty=many", OUTCOME_INVALID, true},
	{"in the future", MSG_CHANGE_BATCH_QUANTITY, "ref=batch\nqty=9\noccurred_at=2025-01-01T00:00:00Z",
	 OUTCOME_INVALID, true},
	{"refused", MSG_ALLOCATE, "orderid=poison\nsku=LAMP\nqty=1", OUTCOME_FAILED, true},
};

static struct sent *send_message(int number, enum transport transport)
{
	struct sent *sent;

	database_refuse(world->database, "poison");
	create_batch("batch", "LAMP", 10);
	allocate("old", "LAMP", 1);
	world_run(world);
	sent = world_send(world, transport, messages[number].type, "%s", messages[number].payload);
	world_run(world);
	return sent;
}

START_TEST(a_message_from_redis_that_cannot_be_done_becomes_a_dead_letter)
{
	struct sent *sent = send_message(_i / 2, _i % 2 ? TRANSPORT_PUBSUB : TRANSPORT_STREAM);

	ck_assert_int_eq(sent->answers, 1);
	ck_assert_str_eq(outcome_name(sent->outcome), outcome_name(messages[_i / 2].outcome));
	ck_assert_uint_eq(world->database->dead_letter_count, messages[_i / 2].dead);
}
END_TEST

START_TEST(a_rejected_message_over_http_leaves_no_dead_letter)
{
	struct sent *sent = send_message(_i, TRANSPORT_HTTP);

	ck_assert_int_eq(sent->answers, 1);
	ck_assert_str_eq(outcome_name(sent->outcome), outcome_name(messages[_i].outcome));
	ck_assert_uint_eq(world->database->dead_letter_count, 0);
}
END_TEST

START_TEST(a_dead_letter_keeps_the_message)
{
	static const char payload[] = "orderid=order\nsku=CHAIR\nqty=1\nid=x";
	const struct dead_letter_row *letter;

	engine_submit(world->engine, &(struct arrival){
					     .transport = TRANSPORT_STREAM,
					     .origin = "commands",
					     .entry_id = "1-0",
					     .type = MSG_ALLOCATE,
					     .payload = {payload, strlen(payload)},
					     .payload_size = strlen(payload),
				     });
	world_run(world);

	ck_assert_uint_eq(world->database->dead_letter_count, 1);
	letter = &world->database->dead_letters[0];
	ck_assert_int_eq(letter->outcome, OUTCOME_REJECTED);
	ck_assert_str_eq(letter->reason, "invalid sku CHAIR");
	ck_assert_int_eq(letter->transport, TRANSPORT_STREAM);
	ck_assert_str_eq(letter->origin, "commands");
	ck_assert_str_eq(letter->entry_id, "1-0");
	ck_assert_int_eq(letter->type, MSG_ALLOCATE);
	ck_assert_str_eq(letter->id, "x");
	ck_assert_uint_eq(letter->payload.size, strlen(payload));
	ck_assert_mem_eq(letter->payload.data, payload, strlen(payload));
	ck_assert_uint_eq(letter->payload_size, strlen(payload));
}
END_TEST

START_TEST(a_message_that_cannot_be_decoded_becomes_a_dead_letter)
{
	engine_submit(world->engine, &(struct arrival){
					     .transport = TRANSPORT_STREAM,
					     .origin = "commands",
					     .type = MSG_NONE,
					     .defect = "type: missing",
					     .payload = {"?", 1},
					     .payload_size = 100000,
				     });
	world_run(world);

	ck_assert_uint_eq(world->database->dead_letter_count, 1);
	ck_assert_str_eq(world->database->dead_letters[0].reason, "type: missing");
	ck_assert_uint_eq(world->database->dead_letters[0].payload_size, 100000);
	ck_assert_uint_eq(
		memory_logger_count(&world->logger,
				    "warn message refused outcome=invalid reason=type: missing way=stream"),
		1);
}
END_TEST

START_TEST(the_outcome_of_a_message_is_logged)
{
	create_batch("batch", "LAMP", 10);
	allocate("order", "LAMP", 10);
	world_run(world);
	ck_assert_uint_eq(memory_logger_count(&world->logger, "debug message done outcome=handled "), 2);
	ck_assert_uint_eq(memory_logger_count(&world->logger, "message refused"), 0);

	allocate("order", "DESK", 1);
	world_run(world);
	ck_assert_uint_eq(memory_logger_count(&world->logger, "warn message refused outcome=rejected "), 1);
}
END_TEST

SUITE("commands", set_up_world, tear_down_world)
{
	tcase_add_test(tests, a_batch_is_created_with_its_product);
	tcase_add_test(tests, a_repeated_create_batch_is_a_duplicate_even_after_the_batch_changed);
	tcase_add_loop_test(tests, a_reference_taken_by_other_data_is_rejected, 0, COUNT(other_batches));
	tcase_add_test(tests, a_line_is_allocated);
	tcase_add_test(tests, an_unknown_sku_is_rejected);
	tcase_add_test(tests, a_line_allocated_already_is_skipped);
	tcase_add_test(tests, an_allocate_with_another_quantity_is_another_line);
	tcase_add_test(tests, an_allocate_without_stock_is_handled_and_notified);
	tcase_add_test(tests, a_line_that_was_out_of_stock_is_decided_anew_when_sent_again);
	tcase_add_test(tests, an_unknown_batch_is_rejected);
	tcase_add_test(tests, a_shrink_gives_up_the_newest_lines_and_allocates_them_again);
	tcase_add_loop_test(tests, a_change_older_than_the_last_one_is_out_of_date, 0,
			    COUNT(changes_after_noon));
	tcase_add_test(tests, a_change_without_a_time_leaves_the_watermark);
	tcase_add_loop_test(tests, a_message_more_than_five_minutes_ahead_is_invalid, 0,
			    COUNT(around_five_minutes_ahead));
}

SUITE("commands", set_up_world, tear_down_world)
{
	tcase_add_loop_test(tests, a_message_with_a_spent_id_is_a_duplicate, 0, 2);
	tcase_add_loop_test(tests, a_spent_id_with_other_content_is_rejected, 0, 2);
	tcase_add_test(tests, a_rejected_message_does_not_spend_its_id);
	tcase_add_test(tests, a_skipped_message_spends_its_id);
	tcase_add_test(tests, an_event_names_the_command_that_caused_it);
}

SUITE("commands", set_up_world, tear_down_world)
{
	tcase_add_loop_test(tests, a_message_from_redis_that_cannot_be_done_becomes_a_dead_letter, 0,
			    2 * COUNT(messages));
	tcase_add_loop_test(tests, a_rejected_message_over_http_leaves_no_dead_letter, 0, COUNT(messages));
	tcase_add_test(tests, a_dead_letter_keeps_the_message);
	tcase_add_test(tests, a_message_that_cannot_be_decoded_becomes_a_dead_letter);
	tcase_add_test(tests, the_outcome_of_a_message_is_logged);
}
