/* One unit of work with one message, led by hand. */
#include "rival.h"

#include "bus/handling.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct rival {
	struct store *store;
	struct unit_of_work uow;
	bool answered;
};

static void on_done(void *context, const struct failure *failure)
{
	struct rival *rival = context;

	ck_assert_msg(!failure, "the rival: %s", failure ? failure->text : "");
	rival->answered = true;
}

static bool is_answered(void *context)
{
	const struct rival *rival = context;

	return rival->answered;
}

static void wait_for_answer(struct rival *rival)
{
	ck_assert(simulation_run_until(world->simulation, is_answered, rival, 0));
	rival->answered = false;
}

static void handle(struct rival *rival, struct delivery *delivery)
{
	enum progress progress = PROGRESS_NEEDS_MORE;

	while (progress == PROGRESS_NEEDS_MORE) {
		rival->store->ops->load(rival->store, &rival->uow, on_done, rival);
		wait_for_answer(rival);
		progress = handle_delivery(&rival->uow, delivery);
	}
	ck_assert_int_eq(progress, PROGRESS_DONE);
}

static void commit(struct rival *rival)
{
	unit_of_work_close(&rival->uow);
	rival->store->ops->flush(rival->store, &rival->uow, on_done, rival);
	wait_for_answer(rival);
}

static enum outcome carry_out(struct delivery *delivery)
{
	struct memory_store *store = memory_store_new(world->database);
	struct rival rival = {.store = memory_store_port(store)};
	enum outcome outcome;

	unit_of_work_init(&rival.uow, &world->codec.codec);
	world->random.random.fill(&world->random.random, rival.uow.witness, WITNESS_SIZE);
	admit_delivery(&rival.uow, delivery);
	handle(&rival, delivery);
	commit(&rival);
	outcome = delivery->outcome;
	unit_of_work_release(&rival.uow);
	delivery_free(&delivery);
	memory_store_free(&store);
	return outcome;
}

/* A change's batch is in the database: that is where its SKU is from. */
__attribute__((format(printf, 2, 3))) static enum outcome carry_out_command(enum message_type type,
									    const char *format, ...)
{
	char payload[2048];
	struct arrival arrival = {.way = WAY_HTTP, .place = "rival", .type = type};
	struct delivery *delivery;
	va_list args;

	va_start(args, format);
	arrival.payload_size = (size_t)vsnprintf(payload, sizeof payload, format, args);
	va_end(args);
	arrival.payload = (struct bytes){payload, arrival.payload_size};
	delivery = delivery_new(&arrival, &world->codec.codec);
	if (!delivery->sku)
		delivery->sku = database_batch(world->database, delivery->batchref)->sku;
	return carry_out(delivery);
}

enum outcome rival_create_batch(const char *reference, const char *sku, int qty)
{
	return carry_out_command(MSG_CREATE_BATCH, "ref=%s\nsku=%s\nqty=%d", reference, sku, qty);
}

enum outcome rival_allocate(const char *orderid, const char *sku, int qty)
{
	return carry_out_command(MSG_ALLOCATE, "orderid=%s\nsku=%s\nqty=%d", orderid, sku, qty);
}

enum outcome rival_allocate_with_id(const char *orderid, const char *sku, int qty, const char *id)
{
	return carry_out_command(MSG_ALLOCATE, "orderid=%s\nsku=%s\nqty=%d\nid=%s", orderid, sku, qty, id);
}

enum outcome rival_change_quantity(const char *reference, int qty)
{
	return carry_out_command(MSG_CHANGE_BATCH_QUANTITY, "batchref=%s\nqty=%d", reference, qty);
}
