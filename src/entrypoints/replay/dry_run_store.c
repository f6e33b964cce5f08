/* A store for dry runs: it shows each unit that is written, and passes on neither events nor mail. */
#include "entrypoints/replay/dry_run_store.h"

#include "core/base/container_of.h"
#include "core/base/must.h"

#include <assert.h>
#include <stdlib.h>

struct dry_run_store {
	struct unit_store unit_store;
	struct unit_store *below;
	struct clock *clock;
	unit_shown *show;
	void *context;

	/* The flush in progress. */
	struct timer *timer; /* answers a flush that is not passed to the wrapped store */
	struct unit_of_work *flushed;
	store_done *done;
	void *done_context;
};

static struct dry_run_store *downcast(struct unit_store *store)
{
	return container_of(store, struct dry_run_store, unit_store);
}

/* ---- calls that are passed to the wrapped store ---- */

static void load(struct unit_store *store, struct unit_of_work *uow, store_done *done, void *context)
{
	struct unit_store *below = downcast(store)->below;

	below->ops->load(below, uow, done, context);
}

static void resolve_commit(struct unit_store *store, const unsigned char witness[WITNESS_SIZE],
			   store_done *done, void *context)
{
	struct unit_store *below = downcast(store)->below;

	below->ops->resolve_commit(below, witness, done, context);
}

static void find_locked(struct unit_store *store, const struct unit_of_work *uow, bool *locked,
			store_done *done, void *context)
{
	struct unit_store *below = downcast(store)->below;

	below->ops->find_locked(below, uow, locked, done, context);
}

static void find_lost_leases(struct unit_store *store, const struct unit_of_work *uow, store_done *done,
			     void *context)
{
	struct unit_store *below = downcast(store)->below;

	below->ops->find_lost_leases(below, uow, done, context);
}

static void probe(struct unit_store *store, store_done *done, void *context)
{
	struct unit_store *below = downcast(store)->below;

	below->ops->probe(below, done, context);
}

/* ---- the flush, which is shown ---- */

static void on_flushed(void *context, const struct failure *failure)
{
	struct dry_run_store *dry_run = context;
	struct unit_of_work *uow = dry_run->flushed;

	if (!failure) {
		dry_run->show(dry_run->context, uow);
		uow->product_count = 0;
		uow->outbox_count = 0;
		uow->notification_count = 0;
	}
	dry_run->done(dry_run->done_context, failure);
}

static void on_timer(void *context)
{
	static const struct failure unknown = {FAILURE_CONFLICT, "a dry run must look ids and lines up"};
	struct dry_run_store *dry_run = context;

	dry_run->done(dry_run->done_context, &unknown);
}

/*
 * The wrapped store holds only the rows that were loaded, so its unique keys cannot refute the assumption
 * that ids and lines are new: a unit that rests on it fails here, and is redone with look-ups.
 */
static void flush(struct unit_store *store, struct unit_of_work *uow, store_done *done, void *context)
{
	struct dry_run_store *dry_run = downcast(store);

	dry_run->flushed = uow;
	dry_run->done = done;
	dry_run->done_context = context;
	if (uow->speculation.was_on)
		dry_run->clock->ops->timer_set(dry_run->timer, 0);
	else
		dry_run->below->ops->flush(dry_run->below, uow, on_flushed, dry_run);
}

struct dry_run_store *dry_run_store_new(struct unit_store *below, struct clock *clock, unit_shown *show,
					void *context)
{
	static const struct unit_store_ops ops = {
		.load = load,
		.flush = flush,
		.resolve_commit = resolve_commit,
		.find_locked = find_locked,
		.find_lost_leases = find_lost_leases,
		.probe = probe,
	};
	struct dry_run_store *dry_run = must_alloc(sizeof *dry_run);

	*dry_run = (struct dry_run_store){.unit_store = {.ops = &ops},
					  .below = below,
					  .clock = clock,
					  .show = show,
					  .context = context};
	dry_run->timer = clock->ops->timer_new(clock, on_timer, dry_run);
	return dry_run;
}

struct unit_store *dry_run_store_port(struct dry_run_store *dry_run)
{
	return &dry_run->unit_store;
}

void dry_run_store_free(struct dry_run_store **place)
{
	struct dry_run_store *dry_run = *place;

	if (!dry_run)
		return;
	dry_run->clock->ops->timer_free(&dry_run->timer);
	free(dry_run);
	*place = NULL;
}

/* ---- the outbox ---- */

struct dry_run_outbox {
	struct outbox_store outbox_store;
	struct clock *clock;
	struct timer *timer; /* answers the call in progress */
	store_done *done;
	void *context;
};

static void answer_success(void *context)
{
	struct dry_run_outbox *outbox = context;

	outbox->done(outbox->context, NULL);
}

static void answer_soon(struct outbox_store *port, store_done *done, void *context)
{
	struct dry_run_outbox *outbox = container_of(port, struct dry_run_outbox, outbox_store);

	outbox->done = done;
	outbox->context = context;
	outbox->clock->ops->timer_set(outbox->timer, 0);
}

static void read_cursors(struct outbox_store *port, struct outbox_state *state, store_done *done,
			 void *context)
{
	*state = (struct outbox_state){0};
	answer_soon(port, done, context);
}

static void read_outbox(struct outbox_store *port, struct outbox_range *range, store_done *done,
			void *context)
{
	range->row_count = 0;
	range->head = range->epoch = 0;
	answer_soon(port, done, context);
}

static void save_cursors(struct outbox_store *port, const struct cursor *cursors, size_t count,
			 store_done *done, void *context)
{
	(void)cursors, (void)count;
	answer_soon(port, done, context);
}

struct dry_run_outbox *dry_run_outbox_new(struct clock *clock)
{
	static const struct outbox_store_ops ops = {
		.read_cursors = read_cursors,
		.read_outbox = read_outbox,
		.save_cursors = save_cursors,
	};
	struct dry_run_outbox *outbox = must_alloc(sizeof *outbox);

	outbox->outbox_store.ops = &ops;
	outbox->clock = clock;
	outbox->timer = clock->ops->timer_new(clock, answer_success, outbox);
	return outbox;
}

struct outbox_store *dry_run_outbox_port(struct dry_run_outbox *outbox)
{
	return &outbox->outbox_store;
}

void dry_run_outbox_free(struct dry_run_outbox **place)
{
	struct dry_run_outbox *outbox = *place;

	if (!outbox)
		return;
	outbox->clock->ops->timer_free(&outbox->timer);
	free(outbox);
	*place = NULL;
}

/* ---- the broker ---- */

/* A partition has one call in progress at a time. */
struct partition_call {
	struct timer *timer;
	publish_done *done;
	void *context;
};

struct dry_run_broker {
	struct broker broker;
	struct clock *clock;
	struct partition_call calls[PARTITIONS];
};

static void answer_empty(void *context)
{
	const struct partition_call *call = context;

	call->done(call->context, &(struct published){0}, NULL);
}

/* A publication without rows asks for the position of its partition. */
static void publish(struct broker *port, const struct publication *publication, publish_done *done,
		    void *context)
{
	struct dry_run_broker *broker = container_of(port, struct dry_run_broker, broker);
	struct partition_call *call = &broker->calls[publication->partition];

	assert(!publication->row_count && "nothing is committed, so nothing is published");
	call->done = done;
	call->context = context;
	broker->clock->ops->timer_set(call->timer, 0);
}

static bool is_up(const struct broker *broker)
{
	(void)broker;
	return true;
}

struct dry_run_broker *dry_run_broker_new(struct clock *clock)
{
	static const struct broker_ops ops = {.publish = publish, .is_up = is_up};
	struct dry_run_broker *broker = must_alloc(sizeof *broker);

	broker->broker.ops = &ops;
	broker->clock = clock;
	for (int i = 0; i < PARTITIONS; i++)
		broker->calls[i].timer = clock->ops->timer_new(clock, answer_empty, &broker->calls[i]);
	return broker;
}

struct broker *dry_run_broker_port(struct dry_run_broker *broker)
{
	return &broker->broker;
}

void dry_run_broker_free(struct dry_run_broker **place)
{
	struct dry_run_broker *broker = *place;

	if (!broker)
		return;
	for (int i = 0; i < PARTITIONS; i++)
		broker->clock->ops->timer_free(&broker->calls[i].timer);
	free(broker);
	*place = NULL;
}
