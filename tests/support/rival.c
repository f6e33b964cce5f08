/* Executes one unit of work with one message, without an engine, and repeats it until no call fails. */
#include "support/rival.h"

#include "bus/messages/execute.h"

#include <string.h>

#define PATIENCE_MS 600000

struct rival {
	struct unit_store *store;
	struct unit_of_work uow;
	bool answered, failed;
};

static void on_done(void *context, const struct failure *failure)
{
	struct rival *rival = context;

	rival->answered = true;
	rival->failed = failure != NULL;
}

static bool is_answered(void *context)
{
	const struct rival *rival = context;

	return rival->answered;
}

/* Returns whether the call succeeded. */
static bool wait_for_answer(struct rival *rival)
{
	ck_assert(simulation_run_until(world->simulation, is_answered, rival, PATIENCE_MS));
	rival->answered = false;
	return !rival->failed;
}

static bool load(struct rival *rival)
{
	rival->store->ops->load(rival->store, &rival->uow, on_done, rival);
	return wait_for_answer(rival);
}

static bool flush(struct rival *rival)
{
	unit_of_work_close(&rival->uow);
	rival->store->ops->flush(rival->store, &rival->uow, on_done, rival);
	return wait_for_answer(rival);
}

/* Returns false if the unit has to be repeated. */
static bool try(struct rival *rival, struct delivery *delivery)
{
	enum progress progress = PROGRESS_NEEDS_MORE;

	unit_of_work_clear(&rival->uow);
	world->random.random.fill(&world->random.random, rival->uow.witness, WITNESS_SIZE);
	admit_delivery(&rival->uow, delivery);
	while (progress == PROGRESS_NEEDS_MORE) {
		if (!load(rival))
			return false;
		progress = handle_delivery(&rival->uow, delivery);
	}
	return progress != PROGRESS_DONE || flush(rival);
}

static enum outcome carry_out(struct delivery *delivery)
{
	struct memory_store *store = memory_store_new(world->database);
	struct rival rival = {.store = memory_unit_store(store)};
	enum outcome outcome;

	unit_of_work_init(&rival.uow, &world->codec.codec, world->config.move_max);
	while (!try(&rival, delivery)) {
		/* Meanwhile nothing else ends a flush that was lost, and that keeps the lock. */
		if (world->database->locks)
			database_end_lost(world->database, true);
	}
	outcome = delivery->outcome;
	unit_of_work_release(&rival.uow);
	memory_store_free(&store);
	return outcome;
}

enum outcome rival_send(enum message_type type, const char *payload)
{
	struct arrival arrival = {
		.transport = TRANSPORT_HTTP,
		.origin = "rival",
		.type = type,
		.payload = {payload, strlen(payload)},
		.payload_size = strlen(payload),
	};
	struct delivery *delivery = delivery_new(&arrival, &world->codec.codec);
	const struct batch_row *batch;
	enum outcome outcome = OUTCOME_NONE;

	if (delivery->by_batch) {
		batch = database_batch(world->database, delivery->batchref);
		delivery->sku = batch ? batch->sku : NULL;
	}
	if (delivery->sku)
		outcome = carry_out(delivery);
	delivery_free(&delivery);
	return outcome;
}

enum outcome rival_create_batch(const char *reference, const char *sku, int qty)
{
	return rival_send(MSG_CREATE_BATCH,
			  arena_printf(world->arena, "ref=%s\nsku=%s\nqty=%d", reference, sku, qty));
}

enum outcome rival_allocate(const char *orderid, const char *sku, int qty)
{
	return rival_send(MSG_ALLOCATE,
			  arena_printf(world->arena, "orderid=%s\nsku=%s\nqty=%d", orderid, sku, qty));
}

enum outcome rival_allocate_with_id(const char *orderid, const char *sku, int qty, const char *id)
{
	return rival_send(MSG_ALLOCATE, arena_printf(world->arena, "orderid=%s\nsku=%s\nqty=%d\nid=%s",
						     orderid, sku, qty, id));
}

enum outcome rival_change_quantity(const char *reference, int qty)
{
	return rival_send(MSG_CHANGE_BATCH_QUANTITY,
			  arena_printf(world->arena, "batchref=%s\nqty=%d", reference, qty));
}
