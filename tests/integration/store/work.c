/* Units of work that tests drive step by step, with a codec that writes events as words. */
#include "integration/store/work.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a codec: a payload is the bytes of the envelope itself, an event becomes a line of words ---- */

static bool decode(struct codec *codec, enum message_type expected, struct bytes payload, struct arena *arena,
		   struct envelope *envelope, const char **error)
{
	(void)codec, (void)expected, (void)arena;
	if (payload.size != sizeof *envelope) {
		*error = "not a message";
		return false;
	}
	memcpy(envelope, payload.data, sizeof *envelope);
	return true;
}

static bool encode(struct codec *codec, const struct envelope *envelope, struct arena *arena,
		   struct bytes *payload, const char **error)
{
	const struct message *event = &envelope->message;
	const char *batchref = message_text(event, "batchref");
	const char *text =
		arena_printf(arena, "%s %s %s %" PRId64 "%s%s", message_name(event->type),
			     message_text(event, "sku"), message_text(event, "orderid"),
			     message_number(event, "version"), batchref ? " " : "", batchref ? batchref : "");

	(void)codec, (void)error;
	*payload = (struct bytes){text, strlen(text)};
	return true;
}

static const struct codec_ops codec_ops = {.decode = decode, .encode = encode};
static struct codec codec = {&codec_ops};

/* ---- lifetime ---- */

/* Draws a witness unlike any other of this run; the tests' databases do not outlive it. */
static void draw_witness(unsigned char witness[WITNESS_SIZE])
{
	static uint64_t drawn;
	uint64_t number = ++drawn;

	memset(witness, 0xa5, WITNESS_SIZE);
	memcpy(witness, &number, sizeof number);
}

struct work *work_new(struct store_fixture *fixture, struct store_ports *store)
{
	struct work *work = calloc(1, sizeof *work);

	ck_assert_ptr_nonnull(work);
	work->fixture = fixture;
	work->store = store;
	unit_of_work_init(&work->uow, &codec, MOVE_MAX_DEFAULT);
	draw_witness(work->uow.witness);
	return work;
}

static void free_deliveries(struct work *work)
{
	for (size_t i = 0; i < work->delivery_count; i++)
		delivery_free(&work->deliveries[i]);
	work->delivery_count = 0;
}

void work_free(struct work **work)
{
	if (!*work)
		return;
	unit_of_work_release(&(*work)->uow);
	free_deliveries(*work);
	free(*work);
	*work = NULL;
}

void work_restart(struct work *work)
{
	unit_of_work_clear(&work->uow);
	free_deliveries(work);
	draw_witness(work->uow.witness);
}

/* ---- messages ---- */

static struct delivery *admit(struct work *work, const struct arrival *arrival)
{
	struct delivery *delivery = delivery_new(arrival, &codec);

	ck_assert_uint_lt(work->delivery_count, WORK_DELIVERIES_MAX);
	work->deliveries[work->delivery_count++] = delivery;
	admit_delivery(&work->uow, delivery);
	return delivery;
}

struct delivery *work_arrival(struct work *work, const struct envelope *envelope, struct arrival arrival)
{
	struct envelope copy = *envelope;

	if (!copy.source)
		copy.source = "";
	arrival.type = copy.message.type;
	arrival.payload = (struct bytes){&copy, sizeof copy};
	arrival.payload_size = sizeof copy;
	return admit(work, &arrival);
}

struct delivery *work_message(struct work *work, const struct envelope *envelope)
{
	return work_arrival(work, envelope,
			    (struct arrival){.transport = TRANSPORT_PUBSUB, .origin = "place"});
}

struct delivery *work_invalid(struct work *work, const char *reason)
{
	return admit(work, &(struct arrival){
				   .transport = TRANSPORT_PUBSUB,
				   .origin = "place",
				   .type = MSG_ALLOCATE,
				   .defect = reason,
				   .payload = {"not\0a message", 13},
				   .payload_size = 13,
			   });
}

struct delivery *work_create_batch(struct work *work, const char *reference, const char *sku, int32_t qty,
				   int32_t eta)
{
	struct envelope envelope = {.occurred_at = NO_INSTANT};
	struct create_batch *command = &envelope.message.as.create_batch;

	message_init(&envelope.message, MSG_CREATE_BATCH);
	command->batchref = reference;
	command->sku = sku;
	command->qty = qty;
	command->eta = eta;
	return work_message(work, &envelope);
}

struct delivery *work_allocate(struct work *work, const char *orderid, const char *sku, int32_t qty)
{
	struct envelope envelope = {.occurred_at = NO_INSTANT};
	struct allocate *command = &envelope.message.as.allocate;

	message_init(&envelope.message, MSG_ALLOCATE);
	command->orderid = orderid;
	command->sku = sku;
	command->qty = qty;
	return work_message(work, &envelope);
}

/* Asks the store whose batch it is, as the engine would have done. */
static const char *owner_of(struct work *work, const char *reference, struct arena *arena)
{
	struct resolved_batch batch = {.reference = reference};

	work_begin_call(work);
	work->store->batches->ops->resolve(work->store->batches, &batch, 1, arena, work_answered, work);
	ck_assert_int_eq(work_wait(work), NO_FAILURE);
	return batch.sku;
}

struct delivery *work_change_quantity(struct work *work, const char *reference, int32_t qty)
{
	struct envelope envelope = {.occurred_at = NO_INSTANT};
	struct change_batch_quantity *command = &envelope.message.as.change_batch_quantity;
	struct delivery *delivery;

	message_init(&envelope.message, MSG_CHANGE_BATCH_QUANTITY);
	command->batchref = reference;
	command->qty = qty;
	delivery = work_message(work, &envelope);
	delivery->sku = owner_of(work, reference, delivery->arena);
	return delivery;
}

/* ---- the steps ---- */

void work_answered(void *context, const struct failure *failure)
{
	struct work *work = context;

	ck_assert_msg(!work->answered, "answered twice");
	work->answered = true;
	work->answer = failure ? (int)failure->kind : NO_FAILURE;
	snprintf(work->failure, sizeof work->failure, "%s", failure ? failure->text : "");
	ck_assert_msg(!strchr(work->failure, '\n'), "a failure's text is one line: %s", work->failure);
}

void work_begin_call(struct work *work)
{
	work->answered = false;
}

int work_wait(struct work *work)
{
	work->fixture->run_until(work->fixture, &work->answered);
	ck_assert(work->answered);
	return work->answer;
}

/* A store never answers before its call returns. */
static void assert_unanswered(const struct work *work)
{
	ck_assert_msg(!work->answered, "answered before the call returned");
}

int work_load(struct work *work)
{
	work_begin_call(work);
	work->store->units->ops->load(work->store->units, &work->uow, work_answered, work);
	assert_unanswered(work);
	return work_wait(work);
}

void work_begin_flush(struct work *work)
{
	work_begin_call(work);
	work->store->units->ops->flush(work->store->units, &work->uow, work_answered, work);
	assert_unanswered(work);
}

int work_flush(struct work *work)
{
	work_begin_flush(work);
	return work_wait(work);
}

int work_settle(struct work *work)
{
	work_begin_call(work);
	work->store->units->ops->resolve_commit(work->store->units, work->uow.witness, work_answered, work);
	assert_unanswered(work);
	return work_wait(work);
}

int work_find_lost_leases(struct work *work)
{
	work_begin_call(work);
	work->store->units->ops->find_lost_leases(work->store->units, &work->uow, work_answered, work);
	assert_unanswered(work);
	return work_wait(work);
}

int work_find_locked(struct work *work, bool *locked)
{
	work_begin_call(work);
	work->store->units->ops->find_locked(work->store->units, &work->uow, locked, work_answered, work);
	assert_unanswered(work);
	return work_wait(work);
}

void work_handle(struct work *work)
{
	for (size_t i = 0; i < work->delivery_count; i++) {
		enum progress progress;

		while ((progress = handle_delivery(&work->uow, work->deliveries[i])) == PROGRESS_NEEDS_MORE)
			ck_assert_int_eq(work_load(work), NO_FAILURE);
		ck_assert_int_eq(progress, PROGRESS_DONE);
	}
	unit_of_work_close(&work->uow);
}

int work_do(struct work *work)
{
	int answer = work_load(work);

	ck_assert_msg(answer == NO_FAILURE, "load: %s", work->failure);
	work_handle(work);
	return work_flush(work);
}

int work_do_both(struct work *first, struct work *second)
{
	ck_assert_int_eq(work_load(first), NO_FAILURE);
	ck_assert_int_eq(work_load(second), NO_FAILURE);
	work_handle(first);
	work_handle(second);
	ck_assert_int_eq(work_flush(first), NO_FAILURE);
	return work_flush(second);
}
