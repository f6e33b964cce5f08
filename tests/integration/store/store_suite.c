/* What every store and every views adapter promises, one test a rule. */
#include "integration/store/store_suite.h"

#include "core/partition.h"
#include "integration/store/work.h"
#include "support/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOMORROW 20000

static struct store_fixture *fixture;
static struct store *store;
static struct work *work;

static void set_up(void)
{
	fixture = store_under_test;
	fixture->set_up(fixture);
	store = fixture->make_store(fixture);
	work = work_new(fixture, store);
}

static void tear_down(void)
{
	work_free(&work);
	fixture->tear_down(fixture);
}

/* ---- shorthands ---- */

/* One command in a unit of its own. */

static void create_batch(const char *reference, const char *sku, int32_t qty, int32_t eta)
{
	work_restart(work);
	work_create_batch(work, reference, sku, qty, eta);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
}

static void allocate(const char *orderid, const char *sku, int32_t qty)
{
	work_restart(work);
	work_allocate(work, orderid, sku, qty);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
}

/* Lines of quantity 1, WORK_DELIVERIES_MAX a unit at most. */
static void allocate_many(const char *sku, int from, int count)
{
	char orderid[32];

	work_restart(work);
	for (int i = from; i < from + count; i++) {
		snprintf(orderid, sizeof orderid, "order-%05d", i);
		work_allocate(work, arena_strdup(work->uow.arena, orderid), sku, 1);
	}
	ck_assert_int_eq(work_do(work), NO_FAILURE);
}

/* The product, loaded with nothing but what always comes along; NULL when there is none. */
static struct product *load_product(const char *sku)
{
	work_restart(work);
	unit_of_work_want_product(&work->uow, sku);
	ck_assert_int_eq(work_load(work), NO_FAILURE);
	return unit_of_work_product(&work->uow, sku);
}

static size_t count_batches(const struct product *product)
{
	size_t count = 0;

	for (const struct batch *batch = product->batches; batch; batch = batch->next)
		count++;
	return count;
}

static size_t count_lines(const struct batch *batch)
{
	size_t count = 0;

	for (const struct allocation *line = batch->newest; line; line = line->older)
		count++;
	return count;
}

/* ---- what was flushed is loaded ---- */

START_TEST(an_unknown_sku_has_no_product)
{
	ck_assert_ptr_null(load_product("unknown"));
}
END_TEST

START_TEST(a_batch_comes_back_as_it_was)
{
	const struct batch *batch;
	struct product *product;

	create_batch("batch", "lamp", 100, TOMORROW);

	product = load_product("lamp");
	ck_assert_int_eq(product->version, 0);
	ck_assert_int_eq(product->revision, 1);
	ck_assert_uint_eq(count_batches(product), 1);
	batch = product_batch(product, "batch");
	ck_assert_int_eq(batch->eta, TOMORROW);
	ck_assert_int_eq(batch->original_qty, 100);
	ck_assert_int_eq(batch->purchased, 100);
	ck_assert_int_eq(batch->allocated, 0);
	ck_assert(batch->changed_at == NO_INSTANT);
	ck_assert(batch->stored);
}
END_TEST

START_TEST(the_warehouse_and_all_days_come_back)
{
	static const int32_t etas[] = {IN_WAREHOUSE, -719162 /* 0001-01-01 */, 0, TOMORROW,
				       2932896 /* 9999-12-31 */};
	char reference[] = "batch-0";

	create_batch(reference, "lamp", 1, etas[_i]);

	ck_assert_int_eq(load_product("lamp")->batches->eta, etas[_i]);
}
END_TEST

START_TEST(an_allocation_shows_in_the_batch_and_in_the_versions)
{
	struct product *product;

	create_batch("batch", "lamp", 100, IN_WAREHOUSE);

	allocate("order", "lamp", 30);

	product = load_product("lamp");
	ck_assert_int_eq(product->batches->allocated, 30);
	ck_assert_int_eq(product->version, 1);
	ck_assert_int_eq(product->revision, 2);
}
END_TEST

START_TEST(texts_of_any_characters_come_back)
{
	const char *sku = "l'ampe \"\\{},NULL\n\xc3\xa9\xf0\x9f\x92\xa1",
		   *reference = "{\"b\\\"atch\",}\t\x01";
	struct product *product;

	create_batch(reference, sku, 2, IN_WAREHOUSE);
	allocate("'; drop table products; --", sku, 1);

	product = load_product(sku);
	ck_assert_str_eq(product->batches->reference, reference);
	ck_assert_int_eq(product->batches->allocated, 1);
}
END_TEST

/* ---- only a part of a product is loaded ---- */

START_TEST(a_few_batches_are_all_of_them)
{
	struct product *product;

	create_batch("batch", "lamp", 1, IN_WAREHOUSE);

	product = load_product("lamp");

	ck_assert_int_eq(preference_compare(product_loaded_to(product, 1), PREFERENCE_END), 0);
}
END_TEST

/* `count` batches of one piece each, "batch-000" first. */
static void create_batches(int count, int32_t qty)
{
	char reference[32];

	work_restart(work);
	for (int i = 0; i < count; i++) {
		snprintf(reference, sizeof reference, "batch-%03d", i);
		work_create_batch(work, arena_strdup(work->uow.arena, reference), "lamp", qty, IN_WAREHOUSE);
	}
	ck_assert_int_eq(work_do(work), NO_FAILURE);
}

START_TEST(the_first_open_batches_come_in_order_of_preference)
{
	struct product *product;

	create_batches(OPEN_BATCHES + 3, 1);

	product = load_product("lamp");

	ck_assert_uint_eq(count_batches(product), OPEN_BATCHES);
	ck_assert_str_eq(product->batches->reference, "batch-000");
	ck_assert_str_eq(product_loaded_to(product, 1).reference, "batch-031");
}
END_TEST

START_TEST(exhausted_batches_stay_out)
{
	struct product *product;

	create_batches(3, 1);
	allocate("order", "lamp", 1);

	product = load_product("lamp");

	ck_assert_uint_eq(count_batches(product), 2);
	ck_assert_str_eq(product->batches->reference, "batch-001");
}
END_TEST

START_TEST(a_line_too_large_for_the_first_batches_finds_one_beyond_them)
{
	create_batches(OPEN_BATCHES + 3, 1);
	create_batch("large", "lamp", 5, TOMORROW);

	allocate("order", "lamp", 5);

	work_restart(work);
	unit_of_work_want_product(&work->uow, "lamp");
	unit_of_work_want_batch(&work->uow, "large", 5);
	ck_assert_int_eq(work_load(work), NO_FAILURE);
	ck_assert_int_eq(product_batch(unit_of_work_product(&work->uow, "lamp"), "large")->allocated, 5);
}
END_TEST

START_TEST(a_named_batch_comes_with_its_product)
{
	struct product *product;

	create_batch("batch", "lamp", 1, IN_WAREHOUSE);
	allocate("order", "lamp", 1);

	work_restart(work);
	unit_of_work_want_batch(&work->uow, "batch", 1);
	ck_assert_int_eq(work_load(work), NO_FAILURE);

	ck_assert_str_eq(unit_of_work_batch_owner(&work->uow, "batch"), "lamp");
	product = unit_of_work_product(&work->uow, "lamp");
	ck_assert_ptr_nonnull(product_batch(product, "batch"));
}
END_TEST

/* ---- lines ---- */

START_TEST(an_allocated_line_is_known_again)
{
	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	allocate("order", "lamp", 3);

	allocate("order", "lamp", 3);

	ck_assert_int_eq(work->deliveries[0]->outcome, OUTCOME_SKIPPED);
	ck_assert_int_eq(load_product("lamp")->batches->allocated, 3);
}
END_TEST

START_TEST(a_shrinking_batch_comes_with_its_newest_lines_up_to_the_shortfall)
{
	struct batch *batch;

	create_batch("batch", "lamp", 50, IN_WAREHOUSE);
	allocate_many("lamp", 0, 50);

	work_restart(work);
	unit_of_work_want_batch(&work->uow, "batch", 43);
	ck_assert_int_eq(work_load(work), NO_FAILURE);

	batch = product_batch(unit_of_work_product(&work->uow, "lamp"), "batch");
	ck_assert_uint_eq(count_lines(batch), 7);
	ck_assert_str_eq(batch->newest->line.orderid, "order-00049");
	ck_assert_int_eq(batch->lines_from, 44);
}
END_TEST

START_TEST(no_more_than_the_first_lines_come_unasked)
{
	struct batch *batch;

	create_batch("batch", "lamp", 150, IN_WAREHOUSE);
	allocate_many("lamp", 0, 150);

	work_restart(work);
	unit_of_work_want_batch(&work->uow, "batch", 0);
	ck_assert_int_eq(work_load(work), NO_FAILURE);

	batch = product_batch(unit_of_work_product(&work->uow, "lamp"), "batch");
	ck_assert_uint_eq(count_lines(batch), FIRST_LINES);
}
END_TEST

START_TEST(a_shrink_moves_more_lines_than_come_unasked)
{
	create_batch("batch", "lamp", 150, IN_WAREHOUSE);
	create_batch("other", "lamp", 150, TOMORROW);
	allocate_many("lamp", 0, 150);

	work_restart(work);
	work_change_quantity(work, "batch", 10);
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	load_product("lamp");
	unit_of_work_want_batch(&work->uow, "batch", INT32_MAX);
	ck_assert_int_eq(work_load(work), NO_FAILURE);
	ck_assert_int_eq(product_batch(unit_of_work_product(&work->uow, "lamp"), "batch")->allocated, 10);
	ck_assert_int_eq(product_batch(unit_of_work_product(&work->uow, "lamp"), "other")->allocated, 140);
}
END_TEST

START_TEST(a_line_that_came_back_to_its_batch_is_its_newest)
{
	struct batch *batch;

	create_batch("batch", "lamp", 7, IN_WAREHOUSE);
	allocate("first", "lamp", 1);
	allocate("large", "lamp", 5);
	allocate("small", "lamp", 1);

	work_restart(work);
	work_change_quantity(work, "batch", 3);
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	work_restart(work);
	unit_of_work_want_batch(&work->uow, "batch", 0);
	ck_assert_int_eq(work_load(work), NO_FAILURE);
	batch = product_batch(unit_of_work_product(&work->uow, "lamp"), "batch");
	ck_assert_str_eq(batch->newest->line.orderid, "small");
	ck_assert_int_eq(batch->newest->version,
			 7); /* 4, 5: both lost it; 6: the large one is out of stock */
	ck_assert_str_eq(batch->newest->older->line.orderid, "first");
}
END_TEST

/* ---- two stores ---- */

START_TEST(a_product_that_another_changed_is_a_conflict)
{
	struct work *other = work_new(fixture, fixture->make_store(fixture));

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	work_allocate(other, "theirs", "lamp", 1);
	ck_assert_int_eq(work_load(other), NO_FAILURE);
	allocate("ours", "lamp", 1);

	work_handle(other);

	ck_assert_int_eq(work_flush(other), FAILURE_CONFLICT);
	ck_assert_int_eq(load_product("lamp")->batches->allocated, 1);
	work_free(&other);
}
END_TEST

/* Without an event nothing but the revision tells. */
START_TEST(a_product_that_another_gave_a_batch_is_a_conflict)
{
	struct work *other = work_new(fixture, fixture->make_store(fixture));

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	work_create_batch(other, "theirs", "lamp", 10, IN_WAREHOUSE);
	ck_assert_int_eq(work_load(other), NO_FAILURE);
	create_batch("ours", "lamp", 10, IN_WAREHOUSE);

	work_handle(other);

	ck_assert_int_eq(work_flush(other), FAILURE_CONFLICT);
	work_free(&other);
}
END_TEST

START_TEST(a_product_that_was_only_consulted_is_checked_too)
{
	struct work *other = work_new(fixture, fixture->make_store(fixture));

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	allocate("order", "lamp", 1);
	work_allocate(other, "order", "lamp", 1); /* a duplicate: it changes nothing */
	ck_assert_int_eq(work_load(other), NO_FAILURE);
	allocate("another", "lamp", 1);

	work_handle(other);

	ck_assert_int_eq(other->deliveries[0]->outcome, OUTCOME_SKIPPED);
	ck_assert_int_eq(work_flush(other), FAILURE_CONFLICT);
	work_free(&other);
}
END_TEST

START_TEST(consulting_a_product_does_not_change_its_revision)
{
	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	allocate("order", "lamp", 1);

	allocate("order", "lamp", 1);

	ck_assert_int_eq(load_product("lamp")->revision, 2);
}
END_TEST

/* More of a product must not be put to what an earlier state of it showed. */
START_TEST(a_product_that_another_changed_before_more_of_it_is_loaded_is_a_conflict)
{
	struct work *other = work_new(fixture, fixture->make_store(fixture));

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	unit_of_work_want_product(&other->uow, "lamp");
	ck_assert_int_eq(work_load(other), NO_FAILURE);
	allocate("order", "lamp", 1);

	other->uow.products[0]->product->need = (struct need){.fitting = 1, .after = PREFERENCE_START};

	ck_assert_int_eq(work_load(other), FAILURE_CONFLICT);
	work_free(&other);
}
END_TEST

START_TEST(a_product_that_nothing_more_is_loaded_of_is_left_to_the_flush_to_check)
{
	struct work *other = work_new(fixture, fixture->make_store(fixture));

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	unit_of_work_want_product(&other->uow, "lamp");
	ck_assert_int_eq(work_load(other), NO_FAILURE);
	allocate("order", "lamp", 1);

	unit_of_work_want_product(&other->uow, "unknown");

	ck_assert_int_eq(work_load(other), NO_FAILURE);
	ck_assert_int_eq(work_flush(other), FAILURE_CONFLICT);
	work_free(&other);
}
END_TEST

/* What two workers may both create, before either has flushed. */

static void both_create_the_product(struct work *one, struct work *other)
{
	work_create_batch(one, "batch-1", "lamp", 10, IN_WAREHOUSE);
	work_create_batch(other, "batch-2", "lamp", 10, IN_WAREHOUSE);
}

static void both_create_the_batch(struct work *one, struct work *other)
{
	work_create_batch(one, "batch", "lamp", 10, IN_WAREHOUSE);
	work_create_batch(other, "batch", "chair", 10, IN_WAREHOUSE);
}

static void both_allocate_the_line(struct work *one, struct work *other)
{
	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	work_allocate(one, "order", "lamp", 1);
	work_allocate(other, "order", "lamp", 1);
}

static void create_batch_with_id(struct work *at, const char *reference, const char *sku, const char *id)
{
	struct envelope envelope = {.id = id, .occurred_at = NO_INSTANT};
	struct create_batch *command = &envelope.message.as.create_batch;

	message_init(&envelope.message, MSG_CREATE_BATCH);
	command->batchref = reference;
	command->sku = sku;
	command->qty = 10;
	work_message(at, &envelope);
}

static void both_spend_the_id(struct work *one, struct work *other)
{
	create_batch_with_id(one, "batch-1", "lamp", "id");
	create_batch_with_id(other, "batch-2", "chair", "id");
}

static void (*const both_create[])(struct work *, struct work *) = {
	both_create_the_product, both_create_the_batch, both_allocate_the_line, both_spend_the_id};

#define BOTH_CREATE ((int)(sizeof both_create / sizeof both_create[0]))

START_TEST(what_two_create_is_a_conflict_for_the_second)
{
	struct work *one = work_new(fixture, store), *other = work_new(fixture, fixture->make_store(fixture));

	both_create[_i](one, other);
	ck_assert_int_eq(work_load(one), NO_FAILURE);
	ck_assert_int_eq(work_load(other), NO_FAILURE);
	work_handle(one);
	work_handle(other);
	ck_assert_int_eq(work_flush(one), NO_FAILURE);

	ck_assert_int_eq(work_flush(other), FAILURE_CONFLICT);

	work_free(&one);
	work_free(&other);
}
END_TEST

START_TEST(a_unit_that_was_refused_wrote_nothing)
{
	struct work *other = work_new(fixture, fixture->make_store(fixture));
	char reasons[256];

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	work_allocate(other, "theirs", "lamp", 1);
	create_batch_with_id(other, "their batch", "chair", "id");
	work_invalid(other, "bad");
	ck_assert_int_eq(work_load(other), NO_FAILURE);
	work_handle(other);
	allocate("ours", "lamp", 1);

	ck_assert_int_eq(work_flush(other), FAILURE_CONFLICT);

	ck_assert_ptr_null(load_product("chair"));
	fixture->dead_letters(fixture, reasons, sizeof reasons);
	ck_assert_str_eq(reasons, "");
	work_restart(work);
	create_batch_with_id(work, "their batch", "chair", "id");
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	ck_assert_int_eq(work->deliveries[0]->outcome, OUTCOME_HANDLED);
	work_free(&other);
}
END_TEST

START_TEST(redone_after_a_conflict_it_goes_in)
{
	struct work *other = work_new(fixture, fixture->make_store(fixture));

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	work_allocate(other, "theirs", "lamp", 1);
	ck_assert_int_eq(work_load(other), NO_FAILURE);
	work_handle(other);
	allocate("ours", "lamp", 1);
	ck_assert_int_eq(work_flush(other), FAILURE_CONFLICT);

	work_restart(other);
	work_allocate(other, "theirs", "lamp", 1);

	ck_assert_int_eq(work_do(other), NO_FAILURE);
	ck_assert_int_eq(load_product("lamp")->version, 2);
	work_free(&other);
}
END_TEST

/* ---- units that lock ---- */

START_TEST(what_a_unit_locked_waits_for_its_flush)
{
	struct work *other = work_new(fixture, fixture->make_store(fixture));
	int answer;

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	work_allocate(other, "theirs", "lamp", 1);
	ck_assert_int_eq(work_load(other), NO_FAILURE);
	work_handle(other);
	work_restart(work);
	work->uow.locking = true;
	work_allocate(work, "ours", "lamp", 1);
	ck_assert_int_eq(work_load(work), NO_FAILURE);

	work_begin_flush(other);
	work_handle(work);
	ck_assert_int_eq(work_flush(work), NO_FAILURE);

	answer = work_wait(other);
	ck_assert_msg(answer == FAILURE_CONFLICT || answer == FAILURE_RETRY, "it must not go in: %d", answer);
	ck_assert_int_eq(load_product("lamp")->version, 1);
	work_free(&other);
}
END_TEST

START_TEST(a_unit_that_locks_may_load_again)
{
	create_batches(OPEN_BATCHES + 3, 1);
	create_batch("large", "lamp", 5, TOMORROW);
	work_restart(work);
	work->uow.locking = true;
	work_allocate(work, "order", "lamp", 5);

	ck_assert_int_eq(work_do(work), NO_FAILURE);

	ck_assert_int_eq(load_product("lamp")->version, 1);
}
END_TEST

START_TEST(an_abandoned_unit_holds_no_locks)
{
	struct work *other = work_new(fixture, fixture->make_store(fixture));

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	work_restart(work);
	work->uow.locking = true;
	work_allocate(work, "abandoned", "lamp", 1);
	ck_assert_int_eq(work_load(work), NO_FAILURE);

	load_product("chair"); /* the next unit of that store */

	work_allocate(other, "order", "lamp", 1);
	ck_assert_int_eq(work_do(other), NO_FAILURE);
	work_free(&other);
}
END_TEST

/* ---- message ids ---- */

START_TEST(a_spent_id_is_known_with_its_digest)
{
	create_batch("unrelated", "chair", 1, IN_WAREHOUSE);
	work_restart(work);
	create_batch_with_id(work, "batch", "lamp", "id");
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	work_restart(work);
	create_batch_with_id(work, "batch", "lamp", "id");
	create_batch_with_id(work, "another batch", "lamp", "id");
	create_batch_with_id(work, "another batch", "lamp", "another id");
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	ck_assert_int_eq(work->deliveries[0]->outcome, OUTCOME_SKIPPED);
	ck_assert_int_eq(work->deliveries[1]->verdict, REJECT_ID_REUSED);
	ck_assert_int_eq(work->deliveries[2]->outcome, OUTCOME_HANDLED);
}
END_TEST

static void tidy(struct tidied *tidied)
{
	work_begin_call(work);
	store->ops->tidy(store, tidied, work_answered, work);
	ck_assert_int_eq(work_wait(work), NO_FAILURE);
}

START_TEST(ids_are_forgotten_after_their_time)
{
	struct tidied tidied;

	work_restart(work);
	create_batch_with_id(work, "batch", "lamp", "id");
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	fixture->let_time_pass(fixture, INT64_C(86400) * SUITE_INBOX_DAYS + 1);

	tidy(&tidied);

	ck_assert(!tidied.more);
	work_restart(work);
	create_batch_with_id(work, "another batch", "lamp", "id");
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	ck_assert_int_eq(work->deliveries[0]->outcome, OUTCOME_HANDLED);
}
END_TEST

START_TEST(ids_are_kept_until_then)
{
	struct tidied tidied;

	work_restart(work);
	create_batch_with_id(work, "batch", "lamp", "id");
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	fixture->let_time_pass(fixture, INT64_C(86400) * SUITE_INBOX_DAYS - 60);

	tidy(&tidied);

	work_restart(work);
	create_batch_with_id(work, "batch", "lamp", "id");
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	ck_assert_int_eq(work->deliveries[0]->outcome, OUTCOME_SKIPPED);
}
END_TEST

/* ---- stream entries ---- */

/* An allocate that finds no stock: sent again, it is a new attempt, unless it is known to be the same. */
static struct envelope hopeless(void)
{
	struct envelope envelope = {.occurred_at = NO_INSTANT};

	message_init(&envelope.message, MSG_ALLOCATE);
	envelope.message.as.allocate.orderid = "order";
	envelope.message.as.allocate.sku = "lamp";
	envelope.message.as.allocate.qty = 100;
	return envelope;
}

static enum outcome deliver_entry(const char *stream, int64_t incarnation, const char *entry_id)
{
	struct envelope envelope = hopeless();

	work_restart(work);
	work_arrival(work, &envelope,
		     (struct arrival){.way = TRANSPORT_STREAM,
				      .place = stream,
				      .incarnation = incarnation,
				      .entry_id = entry_id});
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	return work->deliveries[0]->outcome;
}

START_TEST(an_entry_without_an_id_has_one_effect)
{
	create_batch("batch", "lamp", 1, IN_WAREHOUSE);

	ck_assert_int_eq(deliver_entry("stream", 1, "5-1"), OUTCOME_HANDLED);

	ck_assert_int_eq(deliver_entry("stream", 1, "5-1"), OUTCOME_SKIPPED);
	ck_assert_int_eq(load_product("lamp")->version, 1);
}
END_TEST

START_TEST(an_entry_is_told_by_its_stream_its_incarnation_and_its_id)
{
	create_batch("batch", "lamp", 1, IN_WAREHOUSE);
	ck_assert_int_eq(deliver_entry("stream", 1, "5-1"), OUTCOME_HANDLED);

	ck_assert_int_eq(deliver_entry("stream", 1, "5-2"), OUTCOME_HANDLED);
	ck_assert_int_eq(deliver_entry("stream", 2, "5-1"), OUTCOME_HANDLED);
	ck_assert_int_eq(deliver_entry("another", 1, "5-1"), OUTCOME_HANDLED);
	ck_assert_int_eq(deliver_entry("stream 1", 1, "5-1"), OUTCOME_HANDLED);
	ck_assert_int_eq(deliver_entry("stream", 11, "5-1"), OUTCOME_HANDLED);
}
END_TEST

START_TEST(no_message_can_have_the_key_of_an_entry)
{
	struct envelope envelope = hopeless();

	envelope.source = "stream 1";
	envelope.id = "5-1";
	create_batch("batch", "lamp", 1, IN_WAREHOUSE);
	work_restart(work);
	work_message(work, &envelope);
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	ck_assert_int_eq(deliver_entry("stream", 1, "5-1"), OUTCOME_HANDLED);

	ck_assert_int_eq(message_type_named(ENTRY_KEY), MSG_NONE);
}
END_TEST

/* ---- whose batch ---- */

START_TEST(a_batch_resolves_to_its_sku)
{
	struct resolved_batch batches[] = {{.reference = "none"}, {.reference = "batch"}};

	create_batch("batch", "lamp", 1, IN_WAREHOUSE);

	work_begin_call(work);
	store->ops->resolve(store, batches, 2, work->uow.arena, work_answered, work);
	ck_assert_int_eq(work_wait(work), NO_FAILURE);

	ck_assert_ptr_null(batches[0].sku);
	ck_assert_str_eq(batches[1].sku, "lamp");
}
END_TEST

START_TEST(a_reference_that_another_sku_has_is_taken)
{
	create_batch("batch", "lamp", 1, IN_WAREHOUSE);

	create_batch("batch", "chair", 1, IN_WAREHOUSE);

	ck_assert_int_eq(work->deliveries[0]->verdict, REJECT_BATCHREF_TAKEN);
	ck_assert_ptr_null(load_product("chair"));
}
END_TEST

/* ---- a shrink in steps ---- */

#define MANY_LINES 10050

/* A batch of that many lines that has shrunk to nothing, after the first step. */
static void begin_large_shrink(const char *sku)
{
	create_batch(sku, sku, MANY_LINES, IN_WAREHOUSE);
	for (int from = 0; from < MANY_LINES; from += 1050)
		allocate_many(sku, from, MANY_LINES - from < 1050 ? MANY_LINES - from : 1050);
	work_restart(work);
	work_change_quantity(work, sku, 0);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
}

/* Takes one step, in a unit of its own; false when there is nothing left to do. */
static bool take_step(void)
{
	struct product *product = load_product("lamp");

	if (!product->shrink)
		return false;
	while (handle_shrink_step(&work->uow, product) == PROGRESS_NEEDS_MORE)
		ck_assert_int_eq(work_load(work), NO_FAILURE);
	unit_of_work_close(&work->uow);
	ck_assert_int_eq(work_flush(work), NO_FAILURE);
	return true;
}

static size_t count_unfinished_shrinks(const char **sku)
{
	size_t count;

	work_begin_call(work);
	store->ops->find_active_shrinks(store, sku, 1, &count, work->uow.arena, work_answered, work);
	ck_assert_int_eq(work_wait(work), NO_FAILURE);
	return count;
}

START_TEST(a_large_shrink_goes_on_in_committed_steps)
{
	const char *sku;
	struct product *product;

	create_batch("other", "lamp", MANY_LINES, TOMORROW);
	begin_large_shrink("lamp");

	ck_assert_uint_eq(count_unfinished_shrinks(&sku), 1);
	ck_assert_str_eq(sku, "lamp");
	product = load_product("lamp");
	ck_assert_int_eq(product->shrink->target, 0);
	ck_assert_str_eq(product->shrink->batch->reference, "lamp");
	ck_assert_int_eq(product->shrink->batch->allocated, MANY_LINES - MOVE_MAX);
	while (take_step())
		continue;
	ck_assert_uint_eq(count_unfinished_shrinks(&sku), 0);
	product = load_product("lamp");
	ck_assert_int_eq(product->version, 3 * MANY_LINES);
	ck_assert_int_eq(product_batch(product, "other") ? -1 : 0, 0); /* it is full */
	allocate("order-00000", "lamp", 1);
	ck_assert_int_eq(work->deliveries[0]->outcome, OUTCOME_SKIPPED);
}
END_TEST

START_TEST(one_shrink_after_the_other_is_told)
{
	const char *first, *second, *third;

	begin_large_shrink("lamp");
	begin_large_shrink("chair");

	ck_assert_uint_eq(count_unfinished_shrinks(&first), 1);
	ck_assert_uint_eq(count_unfinished_shrinks(&second), 1);
	ck_assert_uint_eq(count_unfinished_shrinks(&third), 1);

	ck_assert_str_ne(first, second);
	ck_assert_str_eq(first, third);
}
END_TEST

/* ---- the outbox ---- */

static void read_outbox(struct outbox_range *range)
{
	range->arena = work->uow.arena;
	work_begin_call(work);
	store->ops->read_outbox(store, range, work_answered, work);
	ck_assert_int_eq(work_wait(work), NO_FAILURE);
}

static void assert_event(const struct outbox_row *row, size_t at, const char *text)
{
	struct outgoing *events = NULL;
	size_t count = 0;

	ck_assert(outbox_frame_decode(work->uow.arena, row->frame, &events, &count));
	ck_assert_uint_lt(at, count);
	ck_assert_uint_eq(events[at].payload.size, strlen(text));
	ck_assert_mem_eq(events[at].payload.data, text, strlen(text));
}

START_TEST(events_are_read_back_as_they_were_written)
{
	struct outbox_range range = {.partition = partition_of("lamp"), .rows_max = 10, .bytes_max = 100000};

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	work_restart(work);
	work_allocate(work, "order-1", "lamp", 1);
	work_allocate(work, "order-2", "lamp", 100);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	ck_assert_uint_eq(work->uow.outbox_count, 1);
	ck_assert_int_eq(work->uow.outbox[0].position, 1);
	allocate("order-3", "lamp", 1);
	ck_assert_int_eq(work->uow.outbox[0].position, 2);

	read_outbox(&range);

	ck_assert_uint_eq(range.row_count, 2);
	ck_assert_int_eq(range.head, 2);
	ck_assert_int_eq(range.rows[0].position, 1);
	ck_assert_int_eq(range.rows[0].first_version, 1);
	ck_assert_int_eq(range.rows[0].last_version, 2);
	assert_event(&range.rows[0], 0, "line_allocated lamp order-1 1 batch");
	assert_event(&range.rows[0], 1, "out_of_stock lamp order-2 2");
	assert_event(&range.rows[1], 0, "line_allocated lamp order-3 3 batch");
}
END_TEST

START_TEST(a_read_of_the_outbox_is_bounded)
{
	struct outbox_range range = {.partition = partition_of("lamp"), .rows_max = 3, .bytes_max = 100000};

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	for (int i = 0; i < 5; i++)
		allocate((const char *[]){"a", "b", "c", "d", "e"}[i], "lamp", 1);

	read_outbox(&range);
	ck_assert_uint_eq(range.row_count, 3);
	ck_assert_int_eq(range.head, 5);

	range = (struct outbox_range){
		.partition = partition_of("lamp"), .after = 1, .rows_max = 100, .bytes_max = 1};
	read_outbox(&range);
	ck_assert_uint_eq(range.row_count, 1); /* one at least */
	ck_assert_int_eq(range.rows[0].position, 2);
}
END_TEST

START_TEST(rows_of_several_stores_share_one_order_without_gaps)
{
	struct work *other = work_new(fixture, fixture->make_store(fixture));
	struct outbox_range range = {.partition = partition_of("lamp"), .rows_max = 100, .bytes_max = 100000};

	create_batch("batch", "lamp", 100, IN_WAREHOUSE);
	for (int i = 0; i < 5; i++) {
		struct work *turn = i % 2 ? other : work;

		work_restart(turn);
		work_allocate(turn, (const char *[]){"a", "b", "c", "d", "e"}[i], "lamp", 1);
		ck_assert_int_eq(work_do(turn), NO_FAILURE);
		ck_assert_int_eq(turn->uow.outbox[0].position, i + 1);
	}

	read_outbox(&range);

	ck_assert_uint_eq(range.row_count, 5);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(range.rows[i].first_version, i + 1);
	work_free(&other);
}
END_TEST

/* Two SKUs of one partition, and one of another. */
static const char *sku_in_partition(int partition, int number)
{
	static char sku[32];

	for (int i = 0;; i++) {
		snprintf(sku, sizeof sku, "sku-%d", i);
		if (partition_of(sku) == partition && !number--)
			return arena_strdup(work->uow.arena, sku);
	}
}

START_TEST(every_partition_counts_for_itself)
{
	const char *skus[3];

	work_restart(work);
	skus[0] = sku_in_partition(3, 0);
	skus[1] = sku_in_partition(3, 1);
	skus[2] = sku_in_partition(9, 0);
	for (int i = 0; i < 3; i++) {
		work_create_batch(work, skus[i], skus[i], 1, IN_WAREHOUSE);
		work_allocate(work, "order", skus[i], 1);
	}

	ck_assert_int_eq(work_do(work), NO_FAILURE);

	ck_assert_uint_eq(work->uow.outbox_count, 3);
	ck_assert_int_eq(work->uow.outbox[0].position, 1);
	ck_assert_int_eq(work->uow.outbox[1].position, 2);
	ck_assert_int_eq(work->uow.outbox[2].position, 1);
}
END_TEST

static void read_cursors(struct outbox_state *state)
{
	work_begin_call(work);
	store->ops->read_cursors(store, state, work_answered, work);
	ck_assert_int_eq(work_wait(work), NO_FAILURE);
}

static void save_cursor(int partition, int64_t position)
{
	work_begin_call(work);
	store->ops->save_cursors(store, &(struct cursor){partition, position}, 1, work_answered, work);
	ck_assert_int_eq(work_wait(work), NO_FAILURE);
}

static void commit_rows(int partition, int count)
{
	char sku[24], order[24];

	snprintf(sku, sizeof sku, "%s", sku_in_partition(partition, 0));
	create_batch(sku, sku, 100, IN_WAREHOUSE);
	for (int i = 0; i < count; i++) {
		snprintf(order, sizeof order, "order-%d", i);
		allocate(order, sku, 1);
	}
}

START_TEST(cursors_only_go_forward)
{
	struct outbox_state state;

	commit_rows(5, 7);
	save_cursor(5, 7);
	save_cursor(5, 3);

	read_cursors(&state);

	for (int i = 0; i < PARTITIONS; i++) {
		ck_assert_int_eq(state.cursors[i], i == 5 ? 7 : 0);
		ck_assert_int_eq(state.heads[i], i == 5 ? 7 : 0);
	}
}
END_TEST

/* A worker that lived through a restore still knows how far it published before. */
START_TEST(cursors_do_not_go_beyond_what_is_committed)
{
	struct outbox_state state;

	commit_rows(5, 2);
	save_cursor(5, 1);
	save_cursor(5, 3);

	read_cursors(&state);

	ck_assert_int_eq(state.cursors[5], 1);
}
END_TEST

START_TEST(cursors_go_forward_with_a_flush)
{
	struct outbox_state state;
	struct cursor moved[] = {{15, 2}, {5, 1}, {9, 3}};

	commit_rows(15, 2);
	commit_rows(5, 2);
	commit_rows(9, 3);
	save_cursor(5, 2);
	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	work_restart(work);
	work_allocate(work, "order", "lamp", 1);
	work->uow.cursors = moved;
	work->uow.cursor_count = 3;
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	read_cursors(&state);

	ck_assert_int_eq(state.cursors[5], 2);
	ck_assert_int_eq(state.cursors[9], 3);
	ck_assert_int_eq(state.cursors[15], 2);
	ck_assert_int_eq(state.heads[partition_of("lamp")], 1);
}
END_TEST

START_TEST(what_is_not_published_is_never_tidied_away)
{
	struct outbox_range range = {.partition = partition_of("lamp"), .rows_max = 10, .bytes_max = 100000};
	struct tidied tidied;

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	allocate("order-1", "lamp", 1);
	allocate("order-2", "lamp", 1);
	save_cursor(range.partition, 1);
	fixture->let_time_pass(fixture, INT64_C(86400) * 7 + 1);

	tidy(&tidied);

	read_outbox(&range);
	ck_assert_uint_eq(range.row_count, 0); /* the first one is gone */
	range.after = 1;
	read_outbox(&range);
	ck_assert_uint_eq(range.row_count, 1);
	ck_assert_int_eq(range.rows[0].position, 2);
}
END_TEST

START_TEST(a_database_has_an_incarnation_of_its_own)
{
	struct outbox_state before, again, renewed;

	read_cursors(&before);
	read_cursors(&again);
	fixture->renew(fixture);
	read_cursors(&renewed);

	ck_assert_uint_eq(strlen(before.incarnation), INCARNATION_SIZE - 1);
	ck_assert_str_eq(again.incarnation, before.incarnation);
	ck_assert_str_ne(renewed.incarnation, before.incarnation);
}
END_TEST

/* ---- a connection that is lost during a flush ---- */

static void flush_and_lose(enum loss loss)
{
	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	work_restart(work);
	work_allocate(work, "order", "lamp", 1);
	ck_assert_int_eq(work_load(work), NO_FAILURE);
	work_handle(work);
	fixture->lose_next_flush(fixture, store, loss);
	ck_assert_int_eq(work_flush(work), FAILURE_UNCERTAIN);
}

/* As the engine does: while the lost session lives, it may have to ask again. */
static int resolve_commit(void)
{
	int answer;

	do
		answer = work_settle(work);
	while (answer == FAILURE_RETRY);
	return answer;
}

START_TEST(a_flush_lost_before_its_commit_can_be_redone)
{
	flush_and_lose(LOST_BEFORE_COMMIT);

	ck_assert_int_eq(resolve_commit(), NO_FAILURE);

	ck_assert_int_eq(load_product("lamp")->version, 0);
	allocate("order", "lamp", 1);
	ck_assert_int_eq(work->deliveries[0]->outcome, OUTCOME_HANDLED);
}
END_TEST

START_TEST(a_flush_lost_after_its_commit_is_committed)
{
	flush_and_lose(LOST_AFTER_COMMIT);

	ck_assert_int_eq(resolve_commit(), FAILURE_CONFLICT);

	ck_assert_int_eq(load_product("lamp")->version, 1);
}
END_TEST

START_TEST(asked_twice_it_gives_the_same_answer)
{
	flush_and_lose(_i ? LOST_AFTER_COMMIT : LOST_BEFORE_COMMIT);

	ck_assert_int_eq(resolve_commit(), _i ? FAILURE_CONFLICT : NO_FAILURE);
	ck_assert_int_eq(resolve_commit(), _i ? FAILURE_CONFLICT : NO_FAILURE);
}
END_TEST

START_TEST(a_session_that_is_still_committing_is_waited_for)
{
	bool commits = _i;

	flush_and_lose(LOST_WHILE_COMMITTING);

	work_begin_call(work);
	store->ops->resolve_commit(store, work->uow.witness, work_answered, work);
	fixture->end_lost_session(fixture, store, commits);

	if (work_wait(work) == FAILURE_RETRY)
		work->answer = resolve_commit();
	ck_assert_int_eq(work->answer, commits ? FAILURE_CONFLICT : NO_FAILURE);
	ck_assert_int_eq(load_product("lamp")->version, commits ? 1 : 0);
}
END_TEST

START_TEST(what_was_settled_can_never_commit)
{
	unsigned char witness[WITNESS_SIZE];

	flush_and_lose(LOST_BEFORE_COMMIT);
	ck_assert_int_eq(resolve_commit(), NO_FAILURE);
	memcpy(witness, work->uow.witness, WITNESS_SIZE);

	work_restart(work);
	memcpy(work->uow.witness, witness, WITNESS_SIZE);
	work_allocate(work, "order", "lamp", 1);

	ck_assert_int_ne(work_do(work), NO_FAILURE);
	ck_assert_int_eq(load_product("lamp")->version, 0);
}
END_TEST

START_TEST(a_probe_goes_in)
{
	work_begin_call(work);
	store->ops->probe(store, work_answered, work);

	ck_assert_int_eq(work_wait(work), NO_FAILURE);
}
END_TEST

/* ---- notifications ---- */

static size_t take_due(struct notification *due, size_t max)
{
	size_t count;

	work_begin_call(work);
	store->ops->due_notifications(store, due, max, &count, work->uow.arena, work_answered, work);
	ck_assert_int_eq(work_wait(work), NO_FAILURE);
	return count;
}

static void record_notification(int64_t key, enum notification_result result, int retry_seconds)
{
	work_begin_call(work);
	store->ops->record_notification(store, key, result, retry_seconds, "no such user", work_answered,
					work);
	ck_assert_int_eq(work_wait(work), NO_FAILURE);
}

/* One notification; returns its key, as the flush set it. */
static int64_t run_out_of_stock(void)
{
	create_batch("batch", "lamp", 1, IN_WAREHOUSE);
	allocate("order", "lamp", 2);
	ck_assert_uint_eq(work->uow.notification_count, 1);
	return work->uow.notifications[0].key;
}

START_TEST(a_new_notification_is_left_to_who_wrote_it)
{
	struct notification due[2];

	run_out_of_stock();

	ck_assert_uint_eq(take_due(due, 2), 0);
}
END_TEST

START_TEST(a_notification_that_was_not_sent_in_time_is_taken_up_once)
{
	struct notification due[2];
	int64_t key = run_out_of_stock();

	fixture->let_time_pass(fixture, NOTIFICATION_LEASE + 1);

	ck_assert_uint_eq(take_due(due, 2), 1);
	ck_assert_int_eq(due[0].key, key);
	ck_assert_str_eq(due[0].sku, "lamp");
	ck_assert_str_eq(due[0].orderid, "order");
	ck_assert_int_eq(due[0].qty, 2);
	ck_assert_int_eq(due[0].attempts, 0);
	ck_assert_uint_eq(take_due(due, 2), 0); /* it is leased now */
}
END_TEST

START_TEST(a_delivered_notification_is_gone)
{
	struct notification due[2];

	record_notification(run_out_of_stock(), NOTIFICATION_DELIVERED, 0);
	fixture->let_time_pass(fixture, NOTIFICATION_LEASE + 1);

	ck_assert_uint_eq(take_due(due, 2), 0);
}
END_TEST

START_TEST(a_failed_notification_is_due_again_later)
{
	struct notification due[2];

	record_notification(run_out_of_stock(), NOTIFICATION_POSTPONED, 300);
	fixture->let_time_pass(fixture, 290);
	ck_assert_uint_eq(take_due(due, 2), 0);
	fixture->let_time_pass(fixture, 20);

	ck_assert_uint_eq(take_due(due, 2), 1);
	ck_assert_int_eq(due[0].attempts, 1);
}
END_TEST

START_TEST(several_notifications_get_their_keys_in_order)
{
	struct notification due[3];

	create_batch("batch", "lamp", 1, IN_WAREHOUSE);
	work_restart(work);
	work_allocate(work, "z", "lamp", 2);
	work_allocate(work, "a", "lamp", 3);
	work_allocate(work, "m", "lamp", 4);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	record_notification(work->uow.notifications[1].key, NOTIFICATION_DELIVERED, 0);
	fixture->let_time_pass(fixture, NOTIFICATION_LEASE + 1);

	ck_assert_uint_eq(take_due(due, 3), 2);
	for (int i = 0; i < 2; i++)
		ck_assert_str_ne(due[i].orderid, "a");
}
END_TEST

static const char *const ann_and_bob[] = {"ann@example", "bob@example"};

static void split_notification(int64_t key, int64_t keys[2])
{
	work_begin_call(work);
	store->ops->split_notification(store, key, ann_and_bob, 2, keys, work_answered, work);
	ck_assert_int_eq(work_wait(work), NO_FAILURE);
}

START_TEST(a_notification_that_is_split_is_one_for_each_recipient)
{
	struct notification due[4];
	int64_t keys[2], key = run_out_of_stock();

	split_notification(key, keys);
	ck_assert_uint_eq(take_due(due, 4), 0); /* they are leased */
	record_notification(keys[0], NOTIFICATION_DELIVERED, 0);
	record_notification(keys[1], NOTIFICATION_POSTPONED, 300);
	fixture->let_time_pass(fixture, 310);

	ck_assert_uint_eq(take_due(due, 4), 1);
	ck_assert_int_eq(due[0].key, keys[1]);
	ck_assert_str_eq(due[0].recipient, ann_and_bob[1]);
	ck_assert_str_eq(due[0].sku, "lamp");
	ck_assert_str_eq(due[0].orderid, "order");
	ck_assert_int_eq(due[0].qty, 2);
}
END_TEST

START_TEST(a_notification_is_split_once)
{
	int64_t keys[2], key = run_out_of_stock();

	split_notification(key, keys);
	split_notification(key, keys);

	ck_assert_int_eq(keys[0], 0);
	ck_assert_int_eq(keys[1], 0);
}
END_TEST

static void read_stock(const char *sku, struct stock *stock)
{
	work_begin_call(work);
	store->ops->read_stock(store, sku, stock, work->uow.arena, work_answered, work);
	ck_assert_int_eq(work_wait(work), NO_FAILURE);
}

START_TEST(stock_is_the_batches_with_free_stock_in_order_of_preference)
{
	struct stock stock;

	create_batch("shipment", "lamp", 5, TOMORROW);
	create_batch("shelf", "lamp", 3, IN_WAREHOUSE);
	create_batch("exhausted", "lamp", 9, IN_WAREHOUSE);
	allocate("order", "lamp", 9);

	read_stock("lamp", &stock);

	ck_assert_uint_eq(stock.count, 2);
	ck_assert_str_eq(stock.batches[0].reference, "shelf");
	ck_assert_int_eq(stock.batches[0].eta, IN_WAREHOUSE);
	ck_assert_int_eq(stock.batches[0].free, 3);
	ck_assert_str_eq(stock.batches[1].reference, "shipment");
	ck_assert_int_eq(stock.batches[1].eta, TOMORROW);
	ck_assert_int_eq(stock.batches[1].free, 5);
	ck_assert(!stock.has_more);
	ck_assert_uint_gt(strlen(stock.incarnation), 0);
}
END_TEST

START_TEST(stock_of_many_batches_is_cut_and_says_so)
{
	struct stock stock;

	create_batches(STOCK_BATCHES_MAX + 1, 1);
	read_stock("lamp", &stock);
	ck_assert_uint_eq(stock.count, STOCK_BATCHES_MAX);
	ck_assert(stock.has_more);

	read_stock("unknown", &stock);
	ck_assert_uint_eq(stock.count, 0);
	ck_assert(!stock.has_more);
}
END_TEST

/* ---- dead letters ---- */

static void send_invalid(const char *reason)
{
	work_restart(work);
	work_invalid(work, reason);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
}

static void send_failed(const char *reason)
{
	work_restart(work);
	work_create_batch(work, "batch", "lamp", 1, IN_WAREHOUSE);
	delivery_refuse(work->deliveries[0], OUTCOME_FAILED, reason);
	unit_of_work_settle(&work->uow, work->deliveries[0]);
	ck_assert_int_eq(work_flush(work), NO_FAILURE);
}

START_TEST(a_bad_message_is_kept)
{
	char reasons[256];

	send_invalid("bad");

	fixture->dead_letters(fixture, reasons, sizeof reasons);
	ck_assert_str_eq(reasons, "bad;");
}
END_TEST

START_TEST(the_oldest_dead_letters_leave_first)
{
	static const char *const sent[] = {"1", "2", "3", "4", "5", "6", "7"};
	char reasons[256];

	for (int i = 0; i < 7; i++)
		send_invalid(sent[i]);

	fixture->dead_letters(fixture, reasons, sizeof reasons);
	ck_assert_str_eq(reasons, "3;4;5;6;7;");
}
END_TEST

START_TEST(failed_messages_leave_last)
{
	static const char *const sent[] = {"1", "2", "3", "4", "5", "6"};
	char reasons[256];

	send_failed("failed");
	for (int i = 0; i < 6; i++)
		send_invalid(sent[i]);

	fixture->dead_letters(fixture, reasons, sizeof reasons);
	ck_assert_str_eq(reasons, "failed;3;4;5;6;");
}
END_TEST

START_TEST(even_failed_messages_are_bounded)
{
	char reasons[256];

	for (int i = 0; i < SUITE_DEAD_LETTERS_MAX + 1; i++)
		send_failed((const char *[]){"a", "b", "c", "d", "e", "f"}[i]);

	fixture->dead_letters(fixture, reasons, sizeof reasons);
	ck_assert_str_eq(reasons, "b;c;d;e;f;");
}
END_TEST

static void deliver_bad_entries(int64_t incarnation, const char *const *entry_ids, const char *const *reasons,
				int count)
{
	work_restart(work);
	for (int i = 0; i < count; i++) {
		struct envelope envelope = hopeless();

		work_arrival(work, &envelope,
			     (struct arrival){.way = TRANSPORT_STREAM,
					      .place = "stream",
					      .incarnation = incarnation,
					      .entry_id = entry_ids[i],
					      .defect = reasons[i]});
	}
	ck_assert_int_eq(work_do(work), NO_FAILURE);
}

static const char *dead_letters_in_full(void)
{
	static char text[1024];

	fixture->dead_letters_in_full(fixture, text, sizeof text);
	return text;
}

START_TEST(an_entry_that_is_delivered_again_is_the_same_dead_letter)
{
	deliver_bad_entries(1, (const char *[]){"5-1", "5-2"}, (const char *[]){"bad", "other"}, 2);

	deliver_bad_entries(1, (const char *[]){"5-1"}, (const char *[]){"worse"}, 1);

	ck_assert_str_eq(dead_letters_in_full(), "invalid stream stream allocate - 2 worse;"
						 "invalid stream stream allocate - 1 other;");
}
END_TEST

START_TEST(an_entry_of_another_incarnation_is_another_dead_letter)
{
	deliver_bad_entries(1, (const char *[]){"5-1"}, (const char *[]){"bad"}, 1);

	deliver_bad_entries(2, (const char *[]){"5-1"}, (const char *[]){"bad"}, 1);

	ck_assert_str_eq(dead_letters_in_full(), "invalid stream stream allocate - 1 bad;"
						 "invalid stream stream allocate - 1 bad;");
}
END_TEST

START_TEST(an_entry_that_is_twice_in_a_unit_is_one_dead_letter)
{
	char reasons[256];

	deliver_bad_entries(1, (const char *[]){"5-1", "5-2", "5-1"},
			    (const char *[]){"bad", "other", "worse"}, 3);

	fixture->dead_letters(fixture, reasons, sizeof reasons);
	ck_assert_msg(!strcmp(reasons, "worse;other;") || !strcmp(reasons, "other;worse;"), "%s", reasons);
}
END_TEST

START_TEST(a_notification_that_cannot_be_sent_is_a_dead_letter)
{
	struct notification due[2];
	int64_t key = run_out_of_stock();

	record_notification(key, NOTIFICATION_POSTPONED, 300);
	for (int i = 0; i < 2; i++) /* the second time because the answer was lost */
		record_notification(key, NOTIFICATION_DEAD, 0);

	ck_assert_str_eq(dead_letters_in_full(), "failed mail out_of_stock out_of_stock - 2 no such user;");
	fixture->let_time_pass(fixture, NOTIFICATION_LEASE + 301);
	ck_assert_uint_eq(take_due(due, 2), 0);
}
END_TEST

START_TEST(dead_mail_has_its_place_among_the_dead_letters)
{
	char reasons[256];
	int64_t key = run_out_of_stock();

	for (int i = 0; i < SUITE_DEAD_LETTERS_MAX; i++)
		send_invalid((const char *[]){"a", "b", "c", "d", "e"}[i]);
	record_notification(key, NOTIFICATION_DEAD, 0);

	fixture->dead_letters(fixture, reasons, sizeof reasons);
	ck_assert_str_eq(reasons, "b;c;d;e;no such user;");
}
END_TEST

START_TEST(dead_letters_are_counted)
{
	struct tidied tidied;

	for (int i = 0; i < SUITE_DEAD_LETTERS_MAX + 2; i++)
		send_invalid("bad");

	tidy(&tidied);

	ck_assert_int_eq(tidied.dead_letters, SUITE_DEAD_LETTERS_MAX);
	ck_assert_int_eq(tidied.dead_letters_dropped, 2);
}
END_TEST

/* ---- dead letters that are replayed ---- */

static const char *replays(void)
{
	static char text[1024];

	fixture->replays(fixture, text, sizeof text);
	return text;
}

/* An allocate of a lamp when there is none; returns the dead letter's key. */
static int64_t bury(void)
{
	struct envelope envelope = hopeless();

	envelope.id = "id";
	work_restart(work);
	work_message(work, &envelope);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	ck_assert_str_eq(dead_letters_in_full(), "rejected pubsub place allocate id 1 invalid sku lamp;");
	return fixture->newest_dead_letter(fixture);
}

/* What the operator makes of the dead letter: an order of one piece. */
static struct delivery *replay(struct work *at, int64_t key, int attempts, const char *defect)
{
	struct envelope envelope = hopeless();
	struct replay again = {.dead_letter = key, .attempts = attempts, .who = "ann", .edits = "qty=1"};

	envelope.id = "id";
	envelope.message.as.allocate.qty = 1;
	return work_arrival(
		at, &envelope,
		(struct arrival){
			.way = TRANSPORT_PUBSUB, .place = "place", .defect = defect, .replay = &again});
}

START_TEST(a_replay_that_is_handled_takes_the_dead_letter_away)
{
	int64_t key = bury();

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	work_restart(work);
	replay(work, key, 1, NULL);
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	ck_assert_str_eq(dead_letters_in_full(), "");
	ck_assert_str_eq(replays(), "2 ann qty=1 handled allocate id accepted;");
	ck_assert_int_eq(load_product("lamp")->version, 1);
}
END_TEST

START_TEST(replays_are_forgotten_after_their_time)
{
	struct tidied tidied;
	int64_t key = bury();

	work_restart(work);
	replay(work, key, 1, NULL);
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	fixture->let_time_pass(fixture, INT64_C(86400) * 89);
	tidy(&tidied);
	ck_assert_str_ne(replays(), "");
	fixture->let_time_pass(fixture, INT64_C(86400) * 2);
	tidy(&tidied);

	ck_assert_str_eq(replays(), "");
}
END_TEST

START_TEST(a_replay_that_is_skipped_takes_the_dead_letter_away)
{
	int64_t key = bury();

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	allocate("order", "lamp", 1);
	work_restart(work);
	replay(work, key, 1, NULL);
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	ck_assert_str_eq(dead_letters_in_full(), "");
	ck_assert_int_eq(load_product("lamp")->version, 1);
}
END_TEST

START_TEST(a_replay_that_is_rejected_is_one_attempt_more)
{
	int64_t key = bury();

	for (int attempts = 1; attempts <= 2; attempts++) {
		work_restart(work);
		replay(work, key, attempts, NULL);
		ck_assert_int_eq(work_do(work), NO_FAILURE);
	}

	ck_assert_str_eq(dead_letters_in_full(), "rejected pubsub place allocate id 3 invalid sku lamp;");
	ck_assert_str_eq(replays(), "2 ann qty=1 rejected allocate id invalid sku lamp;"
				    "3 ann qty=1 rejected allocate id invalid sku lamp;");
}
END_TEST

START_TEST(a_replay_that_is_not_well_formed_is_one_attempt_more)
{
	int64_t key = bury();

	work_restart(work);
	replay(work, key, 1, "qty: not a number");
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	ck_assert_str_eq(dead_letters_in_full(), "invalid pubsub place allocate id 2 qty: not a number;");
}
END_TEST

/* Somebody else was faster, with the dead letter that is gone, or that failed again. */
START_TEST(a_replay_that_comes_too_late_does_nothing)
{
	bool is_gone = _i;
	int64_t key = bury();

	if (is_gone)
		create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	work_restart(work);
	replay(work, key, 1, NULL);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	if (!is_gone)
		create_batch("batch", "lamp", 10, IN_WAREHOUSE);

	work_restart(work);
	replay(work, key, 1, NULL);
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	ck_assert_int_eq(work->deliveries[0]->outcome, OUTCOME_SKIPPED);
	ck_assert_str_eq(replays(), is_gone ? "2 ann qty=1 handled allocate id accepted;"
					    : "2 ann qty=1 rejected allocate id invalid sku lamp;");
	ck_assert_int_eq(load_product("lamp")->version, is_gone ? 1 : 0);
	if (is_gone)
		return;
	work_restart(work); /* and it spends no id */
	replay(work, key, 2, NULL);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	ck_assert_int_eq(work->deliveries[0]->outcome, OUTCOME_HANDLED);
}
END_TEST

/* Each makes another command of it: nothing but the dead letter itself is between them. */
static void replay_as_batch(struct work *at, int64_t key, const char *reference, const char *sku)
{
	struct envelope envelope = {.occurred_at = NO_INSTANT};
	struct replay again = {.dead_letter = key, .attempts = 1, .who = "ann", .edits = ""};

	message_init(&envelope.message, MSG_CREATE_BATCH);
	envelope.message.as.create_batch.batchref = reference;
	envelope.message.as.create_batch.sku = sku;
	envelope.message.as.create_batch.qty = 1;
	work_arrival(at, &envelope,
		     (struct arrival){.way = TRANSPORT_PUBSUB, .place = "place", .replay = &again});
}

START_TEST(of_two_replays_at_once_one_has_an_effect)
{
	struct work *other = work_new(fixture, fixture->make_store(fixture));
	int64_t key = bury();

	work_restart(work);
	replay_as_batch(work, key, "batch-1", "lamp");
	replay_as_batch(other, key, "batch-2", "chair");
	ck_assert_int_eq(work_load(work), NO_FAILURE);
	ck_assert_int_eq(work_load(other), NO_FAILURE);
	work_handle(work);
	work_handle(other);
	ck_assert_int_eq(work_flush(work), NO_FAILURE);

	ck_assert_int_eq(work_flush(other), FAILURE_CONFLICT);

	work_restart(other);
	replay_as_batch(other, key, "batch-2", "chair");
	ck_assert_int_eq(work_do(other), NO_FAILURE);
	ck_assert_int_eq(other->deliveries[0]->outcome, OUTCOME_SKIPPED);
	ck_assert_ptr_null(load_product("chair"));
	ck_assert_str_eq(replays(), "2 ann  handled create_batch - accepted;");
	work_free(&other);
}
END_TEST

START_TEST(of_two_replays_in_one_unit_the_first_has_an_effect)
{
	int64_t key = bury();

	work_restart(work);
	replay_as_batch(work, key, "batch-1", "lamp");
	replay_as_batch(work, key, "batch-2", "chair");

	ck_assert_int_eq(work_do(work), NO_FAILURE);

	ck_assert_int_eq(work->deliveries[0]->outcome, OUTCOME_HANDLED);
	ck_assert_int_eq(work->deliveries[1]->outcome, OUTCOME_SKIPPED);
	ck_assert_str_eq(replays(), "2 ann  handled create_batch - accepted;");
}
END_TEST

START_TEST(a_replay_whose_flush_is_lost_has_one_effect)
{
	enum loss loss = (enum loss)_i;
	int64_t key = bury();
	int answer;

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	work_restart(work);
	replay(work, key, 1, NULL);
	ck_assert_int_eq(work_load(work), NO_FAILURE);
	work_handle(work);
	fixture->lose_next_flush(fixture, store, loss);
	ck_assert_int_eq(work_flush(work), FAILURE_UNCERTAIN);
	if (loss == LOST_WHILE_COMMITTING)
		fixture->end_lost_session(fixture, store, true);
	answer = resolve_commit();

	work_restart(work); /* an operator who knows nothing of it tries again */
	replay(work, key, 1, NULL);
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	ck_assert_int_eq(work->deliveries[0]->outcome,
			 answer == FAILURE_CONFLICT ? OUTCOME_SKIPPED : OUTCOME_HANDLED);
	ck_assert_str_eq(dead_letters_in_full(), "");
	ck_assert_str_eq(replays(), "2 ann qty=1 handled allocate id accepted;");
	ck_assert_int_eq(load_product("lamp")->version, 1);
}
END_TEST

START_TEST(a_replayed_entry_is_spent)
{
	struct envelope envelope = hopeless();
	struct replay again = {.attempts = 1, .who = "ann", .edits = ""};

	ck_assert_int_eq(deliver_entry("stream", 1, "5-1"), OUTCOME_REJECTED);
	create_batch("batch", "lamp", 1, IN_WAREHOUSE);
	again.dead_letter = fixture->newest_dead_letter(fixture);
	work_restart(work);
	work_arrival(work, &envelope,
		     (struct arrival){.way = TRANSPORT_STREAM,
				      .place = "stream",
				      .incarnation = 1,
				      .entry_id = "5-1",
				      .replay = &again});
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	ck_assert_int_eq(deliver_entry("stream", 1, "5-1"), OUTCOME_SKIPPED);

	ck_assert_int_eq(load_product("lamp")->version, 1);
}
END_TEST

/* ---- views ---- */

struct reading {
	bool answered;
	int failure;
	char text[512];
};

static void on_allocations(void *context, const struct allocation_row *rows, size_t count,
			   const struct failure *failure)
{
	struct reading *reading = context;
	size_t used = 0;

	reading->answered = true;
	reading->failure = failure ? (int)failure->kind : NO_FAILURE;
	for (size_t i = 0; i < count; i++)
		used += (size_t)snprintf(reading->text + used, sizeof reading->text - used, "%s:%s ",
					 rows[i].sku, rows[i].batchref);
}

static const char *read_allocations(struct views *views, struct reading *reading, const char *orderid)
{
	*reading = (struct reading){0};
	views->ops->allocations(views, orderid, on_allocations, reading);
	ck_assert(!reading->answered);
	fixture->run_until(fixture, &reading->answered);
	ck_assert_int_eq(reading->failure, NO_FAILURE);
	return reading->text;
}

START_TEST(the_read_model_shows_an_orders_lines_by_sku_and_quantity)
{
	struct views *views = fixture->make_views(fixture);
	struct reading reading;

	create_batch("lamps", "lamp", 10, IN_WAREHOUSE);
	create_batch("more lamps", "lamp", 10, TOMORROW);
	create_batch("chairs", "chair", 10, IN_WAREHOUSE);
	allocate("order", "lamp", 10);
	allocate("order", "lamp", 9);
	allocate("order", "chair", 1);

	ck_assert_str_eq(read_allocations(views, &reading, "order"),
			 "chair:chairs lamp:more lamps lamp:lamps ");
	ck_assert_str_eq(read_allocations(views, &reading, "none"), "");
}
END_TEST

START_TEST(the_read_model_follows_a_line_that_moves_or_loses_its_batch)
{
	struct views *views = fixture->make_views(fixture);
	struct reading reading;

	create_batch("one", "lamp", 10, IN_WAREHOUSE);
	create_batch("two", "lamp", 10, TOMORROW);
	allocate("order", "lamp", 10);

	work_restart(work);
	work_change_quantity(work, "one", 5);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	ck_assert_str_eq(read_allocations(views, &reading, "order"), "lamp:two ");

	work_restart(work);
	work_change_quantity(work, "two", 5);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	ck_assert_str_eq(read_allocations(views, &reading, "order"), "");
}
END_TEST

static void on_events(void *context, const struct event_frame *frames, size_t count,
		      const struct failure *failure)
{
	struct reading *reading = context;
	size_t used = 0;

	reading->answered = true;
	reading->failure = failure ? (int)failure->kind : NO_FAILURE;
	for (size_t i = 0; i < count; i++)
		used += (size_t)snprintf(reading->text + used, sizeof reading->text - used, "%d ",
					 (int)frames[i].first_version);
}

static const char *read_events(struct views *views, struct reading *reading, const char *sku, int64_t after)
{
	*reading = (struct reading){0};
	views->ops->events(views, sku, after, on_events, reading);
	fixture->run_until(fixture, &reading->answered);
	ck_assert_int_eq(reading->failure, NO_FAILURE);
	return reading->text;
}

START_TEST(the_frames_that_hold_later_events_are_read)
{
	struct views *views = fixture->make_views(fixture);
	struct reading reading;

	create_batch("batch", "lamp", 100, IN_WAREHOUSE);
	create_batch("chairs", "chair", 100, IN_WAREHOUSE);
	allocate_many("lamp", 0, 3); /* events 1 to 3 */
	allocate_many("lamp", 3, 2); /* 4 and 5 */
	allocate_many("chair", 0, 2);
	allocate_many("lamp", 5, 1); /* 6 */

	ck_assert_str_eq(read_events(views, &reading, "lamp", 0), "1 4 6 ");
	ck_assert_str_eq(read_events(views, &reading, "lamp", 4), "4 6 ");
	ck_assert_str_eq(read_events(views, &reading, "lamp", 5), "6 ");
	ck_assert_str_eq(read_events(views, &reading, "lamp", 6), "");
	ck_assert_str_eq(read_events(views, &reading, "none", 0), "");
}
END_TEST

START_TEST(no_more_frames_are_read_than_a_page_takes)
{
	struct views *views = fixture->make_views(fixture);
	struct reading reading;

	create_batch("batch", "lamp", 2000, IN_WAREHOUSE);
	allocate_many("lamp", 0, EVENTS_READ_MAX + 1); /* events 1 to 1001 */
	allocate_many("lamp", 1001, 1);                /* 1002 */
	allocate_many("lamp", 1002, 1);                /* 1003 */

	ck_assert_str_eq(read_events(views, &reading, "lamp", 0), "1 ");
	ck_assert_str_eq(read_events(views, &reading, "lamp", 1), "1 1002 ");
	ck_assert_str_eq(read_events(views, &reading, "lamp", 2), "1 1002 1003 ");
}
END_TEST

START_TEST(several_reads_may_be_under_way)
{
	struct views *views = fixture->make_views(fixture);
	struct reading one = {0}, two = {0};

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	allocate("order-1", "lamp", 1);

	views->ops->allocations(views, "order-1", on_allocations, &one);
	views->ops->events(views, "lamp", 0, on_events, &two);
	fixture->run_until(fixture, &one.answered);
	fixture->run_until(fixture, &two.answered);

	ck_assert_str_eq(one.text, "lamp:batch ");
	ck_assert_str_eq(two.text, "1 ");
}
END_TEST

START_TEST(a_ping_is_answered)
{
	struct views *views = fixture->make_views(fixture);

	work_begin_call(work);
	views->ops->ping(views, work_answered, work);

	ck_assert_int_eq(work_wait(work), NO_FAILURE);
}
END_TEST

SUITE("store", set_up, tear_down, .timeout_s = 120)
{
	tcase_add_test(tests, an_unknown_sku_has_no_product);
	tcase_add_test(tests, a_batch_comes_back_as_it_was);
	tcase_add_loop_test(tests, the_warehouse_and_all_days_come_back, 0, 5);
	tcase_add_test(tests, an_allocation_shows_in_the_batch_and_in_the_versions);
	tcase_add_test(tests, texts_of_any_characters_come_back);
	tcase_add_test(tests, a_few_batches_are_all_of_them);
	tcase_add_test(tests, the_first_open_batches_come_in_order_of_preference);
	tcase_add_test(tests, exhausted_batches_stay_out);
	tcase_add_test(tests, a_line_too_large_for_the_first_batches_finds_one_beyond_them);
	tcase_add_test(tests, a_named_batch_comes_with_its_product);
	tcase_add_test(tests, an_allocated_line_is_known_again);
	tcase_add_test(tests, a_shrinking_batch_comes_with_its_newest_lines_up_to_the_shortfall);
	tcase_add_test(tests, no_more_than_the_first_lines_come_unasked);
	tcase_add_test(tests, a_shrink_moves_more_lines_than_come_unasked);
	tcase_add_test(tests, a_line_that_came_back_to_its_batch_is_its_newest);
	tcase_add_test(tests, a_large_shrink_goes_on_in_committed_steps);
	tcase_add_test(tests, one_shrink_after_the_other_is_told);
	tcase_add_test(tests, a_batch_resolves_to_its_sku);
	tcase_add_test(tests, a_reference_that_another_sku_has_is_taken);
}

SUITE("store", set_up, tear_down, .timeout_s = 120)
{
	tcase_add_test(tests, a_product_that_another_changed_is_a_conflict);
	tcase_add_test(tests, a_product_that_another_gave_a_batch_is_a_conflict);
	tcase_add_test(tests, a_product_that_was_only_consulted_is_checked_too);
	tcase_add_test(tests, consulting_a_product_does_not_change_its_revision);
	tcase_add_test(tests, a_product_that_another_changed_before_more_of_it_is_loaded_is_a_conflict);
	tcase_add_test(tests, a_product_that_nothing_more_is_loaded_of_is_left_to_the_flush_to_check);
	tcase_add_loop_test(tests, what_two_create_is_a_conflict_for_the_second, 0, BOTH_CREATE);
	tcase_add_test(tests, a_unit_that_was_refused_wrote_nothing);
	tcase_add_test(tests, redone_after_a_conflict_it_goes_in);
	tcase_add_test(tests, what_a_unit_locked_waits_for_its_flush);
	tcase_add_test(tests, a_unit_that_locks_may_load_again);
	tcase_add_test(tests, an_abandoned_unit_holds_no_locks);
}

SUITE("store", set_up, tear_down, .timeout_s = 120)
{
	tcase_add_test(tests, a_flush_lost_before_its_commit_can_be_redone);
	tcase_add_test(tests, a_flush_lost_after_its_commit_is_committed);
	tcase_add_loop_test(tests, asked_twice_it_gives_the_same_answer, 0, 2);
	tcase_add_loop_test(tests, a_session_that_is_still_committing_is_waited_for, 0, 2);
	tcase_add_test(tests, what_was_settled_can_never_commit);
	tcase_add_test(tests, a_probe_goes_in);
}

SUITE("store", set_up, tear_down, .timeout_s = 120)
{
	tcase_add_test(tests, a_spent_id_is_known_with_its_digest);
	tcase_add_test(tests, ids_are_forgotten_after_their_time);
	tcase_add_test(tests, ids_are_kept_until_then);
	tcase_add_test(tests, an_entry_without_an_id_has_one_effect);
	tcase_add_test(tests, an_entry_is_told_by_its_stream_its_incarnation_and_its_id);
	tcase_add_test(tests, no_message_can_have_the_key_of_an_entry);
}

SUITE("store", set_up, tear_down, .timeout_s = 120)
{
	tcase_add_test(tests, events_are_read_back_as_they_were_written);
	tcase_add_test(tests, a_read_of_the_outbox_is_bounded);
	tcase_add_test(tests, rows_of_several_stores_share_one_order_without_gaps);
	tcase_add_test(tests, every_partition_counts_for_itself);
	tcase_add_test(tests, cursors_only_go_forward);
	tcase_add_test(tests, cursors_do_not_go_beyond_what_is_committed);
	tcase_add_test(tests, cursors_go_forward_with_a_flush);
	tcase_add_test(tests, what_is_not_published_is_never_tidied_away);
	tcase_add_test(tests, a_database_has_an_incarnation_of_its_own);
}

SUITE("store", set_up, tear_down, .timeout_s = 120)
{
	tcase_add_test(tests, a_new_notification_is_left_to_who_wrote_it);
	tcase_add_test(tests, a_notification_that_was_not_sent_in_time_is_taken_up_once);
	tcase_add_test(tests, a_delivered_notification_is_gone);
	tcase_add_test(tests, a_failed_notification_is_due_again_later);
	tcase_add_test(tests, several_notifications_get_their_keys_in_order);
	tcase_add_test(tests, a_notification_that_is_split_is_one_for_each_recipient);
	tcase_add_test(tests, a_notification_is_split_once);
	tcase_add_test(tests, stock_is_the_batches_with_free_stock_in_order_of_preference);
	tcase_add_test(tests, stock_of_many_batches_is_cut_and_says_so);
}

SUITE("store", set_up, tear_down, .timeout_s = 120)
{
	tcase_add_test(tests, a_bad_message_is_kept);
	tcase_add_test(tests, the_oldest_dead_letters_leave_first);
	tcase_add_test(tests, failed_messages_leave_last);
	tcase_add_test(tests, even_failed_messages_are_bounded);
	tcase_add_test(tests, an_entry_that_is_delivered_again_is_the_same_dead_letter);
	tcase_add_test(tests, an_entry_of_another_incarnation_is_another_dead_letter);
	tcase_add_test(tests, an_entry_that_is_twice_in_a_unit_is_one_dead_letter);
	tcase_add_test(tests, a_notification_that_cannot_be_sent_is_a_dead_letter);
	tcase_add_test(tests, dead_mail_has_its_place_among_the_dead_letters);
	tcase_add_test(tests, dead_letters_are_counted);
}

SUITE("store", set_up, tear_down, .timeout_s = 120)
{
	tcase_add_test(tests, a_replay_that_is_handled_takes_the_dead_letter_away);
	tcase_add_test(tests, replays_are_forgotten_after_their_time);
	tcase_add_test(tests, a_replay_that_is_skipped_takes_the_dead_letter_away);
	tcase_add_test(tests, a_replay_that_is_rejected_is_one_attempt_more);
	tcase_add_test(tests, a_replay_that_is_not_well_formed_is_one_attempt_more);
	tcase_add_loop_test(tests, a_replay_that_comes_too_late_does_nothing, 0, 2);
	tcase_add_test(tests, of_two_replays_at_once_one_has_an_effect);
	tcase_add_test(tests, of_two_replays_in_one_unit_the_first_has_an_effect);
	tcase_add_loop_test(tests, a_replay_whose_flush_is_lost_has_one_effect, 0, 3);
	tcase_add_test(tests, a_replayed_entry_is_spent);
}

SUITE("store", set_up, tear_down, .timeout_s = 120)
{
	tcase_add_test(tests, the_read_model_shows_an_orders_lines_by_sku_and_quantity);
	tcase_add_test(tests, the_read_model_follows_a_line_that_moves_or_loses_its_batch);
	tcase_add_test(tests, the_frames_that_hold_later_events_are_read);
	tcase_add_test(tests, no_more_frames_are_read_than_a_page_takes);
	tcase_add_test(tests, several_reads_may_be_under_way);
	tcase_add_test(tests, a_ping_is_answered);
}
