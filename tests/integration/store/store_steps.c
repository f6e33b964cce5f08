/* The steps of the store's suites. */
#include "integration/store/store_steps.h"

#include <stdio.h>
#include <string.h>

struct store_fixture *fixture;
struct store_ports *store;
struct work *work;

void store_set_up(void)
{
	fixture = store_under_test;
	fixture->set_up(fixture);
	store = fixture->make_store(fixture);
	work = work_new(fixture, store);
}

void store_tear_down(void)
{
	work_free(&work);
	fixture->tear_down(fixture);
}

void create_batch(const char *reference, const char *sku, int32_t qty, int32_t eta)
{
	work_restart(work);
	work_create_batch(work, reference, sku, qty, eta);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
}

void allocate(const char *orderid, const char *sku, int32_t qty)
{
	work_restart(work);
	work_allocate(work, orderid, sku, qty);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
}

void allocate_many(const char *sku, int from, int count)
{
	char orderid[32];

	work_restart(work);
	for (int i = from; i < from + count; i++) {
		snprintf(orderid, sizeof orderid, "order-%05d", i);
		work_allocate(work, arena_strdup(work->uow.arena, orderid), sku, 1);
	}
	ck_assert_int_eq(work_do(work), NO_FAILURE);
}

struct product *load_product(const char *sku)
{
	work_restart(work);
	unit_of_work_want_product(&work->uow, sku);
	ck_assert_int_eq(work_load(work), NO_FAILURE);
	return unit_of_work_product(&work->uow, sku);
}

void create_batches(int count, int32_t qty)
{
	char reference[32];

	work_restart(work);
	for (int i = 0; i < count; i++) {
		snprintf(reference, sizeof reference, "batch-%03d", i);
		work_create_batch(work, arena_strdup(work->uow.arena, reference), "lamp", qty, IN_WAREHOUSE);
	}
	ck_assert_int_eq(work_do(work), NO_FAILURE);
}

void create_batch_with_id(struct work *at, const char *reference, const char *sku, const char *id)
{
	struct envelope envelope = {.id = id, .occurred_at = NO_INSTANT};
	struct create_batch *command = &envelope.message.as.create_batch;

	message_init(&envelope.message, MSG_CREATE_BATCH);
	command->batchref = reference;
	command->sku = sku;
	command->qty = 10;
	work_message(at, &envelope);
}

void tidy(struct cleanup *cleanup)
{
	work_begin_call(work);
	store->chores->ops->clean_up(store->chores, cleanup, work_answered, work);
	ck_assert_int_eq(work_wait(work), NO_FAILURE);
}

struct envelope hopeless(void)
{
	struct envelope envelope = {.occurred_at = NO_INSTANT};

	message_init(&envelope.message, MSG_ALLOCATE);
	envelope.message.as.allocate.orderid = "order";
	envelope.message.as.allocate.sku = "lamp";
	envelope.message.as.allocate.qty = 100;
	return envelope;
}

enum outcome deliver_entry(const char *stream, int64_t incarnation, const char *entry_id)
{
	struct envelope envelope = hopeless();

	work_restart(work);
	work_arrival(work, &envelope,
		     (struct arrival){.transport = TRANSPORT_STREAM,
				      .origin = stream,
				      .incarnation = incarnation,
				      .entry_id = entry_id});
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	return work->deliveries[0]->outcome;
}

int resolve_commit(void)
{
	int answer;

	do
		answer = work_settle(work);
	while (answer == FAILURE_RETRY);
	return answer;
}

size_t take_due(struct notification *due, size_t max)
{
	size_t count;

	work_begin_call(work);
	store->chores->ops->claim_notifications(store->chores, due, max, &count, work->uow.arena,
						work_answered, work);
	ck_assert_int_eq(work_wait(work), NO_FAILURE);
	return count;
}

void record_notification(int64_t key, enum notification_result result, int retry_seconds)
{
	work_begin_call(work);
	store->chores->ops->record_notification(store->chores, key, result, retry_seconds, "no such user",
						work_answered, work);
	ck_assert_int_eq(work_wait(work), NO_FAILURE);
}

int64_t run_out_of_stock(void)
{
	create_batch("batch", "lamp", 1, IN_WAREHOUSE);
	allocate("order", "lamp", 2);
	ck_assert_uint_eq(work->uow.notification_count, 1);
	return work->uow.notifications[0].key;
}

const char *dead_letters_in_full(void)
{
	static char text[1024];

	fixture->dead_letters_in_full(fixture, text, sizeof text);
	return text;
}
