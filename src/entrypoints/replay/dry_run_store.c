/* A store for dry runs: it shows what is written, and passes no event or mail on. */
#include "entrypoints/replay/dry_run_store.h"

#include "core/base/must.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct dry_run_store {
	struct store store;
	struct store *below;
	struct clock *clock;
	unit_shown *show;
	void *context;

	/* The call in progress. */
	struct timer *timer; /* answers the call where the wrapped store is not asked */
	struct unit_of_work *flushed;
	store_done *done;
	void *done_context;
	const struct failure *failure; /* NULL: success */
};

static struct dry_run_store *downcast(struct store *store)
{
	return (struct dry_run_store *)store;
}

static void on_timer(void *context)
{
	struct dry_run_store *dry_run = context;

	dry_run->done(dry_run->done_context, dry_run->failure);
}

static void answer(struct store *store, const struct failure *failure, store_done *done, void *context)
{
	struct dry_run_store *dry_run = downcast(store);

	dry_run->failure = failure;
	dry_run->done = done;
	dry_run->done_context = context;
	dry_run->clock->ops->timer_set(dry_run->timer, 0);
}

static void answer_success(struct store *store, store_done *done, void *context)
{
	answer(store, NULL, done, context);
}

/* ---- calls that are passed on ---- */

static void resolve(struct store *store, struct resolved_batch *batches, size_t count, struct arena *arena,
		    store_done *done, void *context)
{
	struct store *below = downcast(store)->below;

	below->ops->resolve(below, batches, count, arena, done, context);
}

static void load(struct store *store, struct unit_of_work *uow, store_done *done, void *context)
{
	struct store *below = downcast(store)->below;

	below->ops->load(below, uow, done, context);
}

static void resolve_commit(struct store *store, const unsigned char witness[WITNESS_SIZE], store_done *done,
			   void *context)
{
	struct store *below = downcast(store)->below;

	below->ops->resolve_commit(below, witness, done, context);
}

static void probe(struct store *store, store_done *done, void *context)
{
	struct store *below = downcast(store)->below;

	below->ops->probe(below, done, context);
}

static void find_locked(struct store *store, const struct unit_of_work *uow, bool *locked, store_done *done,
			void *context)
{
	struct store *below = downcast(store)->below;

	below->ops->find_locked(below, uow, locked, done, context);
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

/*
 * The wrapped store holds only the rows that were loaded, so its unique keys cannot refute the assumption
 * that ids and lines are new: a unit that rests on it fails here, and is redone with look-ups.
 */
static void flush(struct store *store, struct unit_of_work *uow, store_done *done, void *context)
{
	static const struct failure unknown = {FAILURE_CONFLICT, "a dry run must look ids and lines up"};
	struct dry_run_store *dry_run = downcast(store);

	if (uow->assumed) {
		answer(store, &unknown, done, context);
		return;
	}
	dry_run->flushed = uow;
	dry_run->done = done;
	dry_run->done_context = context;
	dry_run->below->ops->flush(dry_run->below, uow, on_flushed, dry_run);
}

/* ---- calls that are answered here, with nothing ---- */

static void read_cursors(struct store *store, struct outbox_state *state, store_done *done, void *context)
{
	*state = (struct outbox_state){0};
	answer_success(store, done, context);
}

static void read_outbox(struct store *store, struct outbox_range *range, store_done *done, void *context)
{
	range->row_count = 0;
	range->head = 0;
	answer_success(store, done, context);
}

static void save_cursors(struct store *store, const struct cursor *cursors, size_t count, store_done *done,
			 void *context)
{
	(void)cursors, (void)count;
	answer_success(store, done, context);
}

static void due_notifications(struct store *store, struct notification *notifications, size_t max,
			      size_t *count, struct arena *arena, store_done *done, void *context)
{
	(void)notifications, (void)max, (void)arena;
	*count = 0;
	answer_success(store, done, context);
}

static void record_notification(struct store *store, int64_t key, enum notification_result result,
				int retry_seconds, const char *reason, store_done *done, void *context)
{
	(void)key, (void)result, (void)retry_seconds, (void)reason;
	answer_success(store, done, context);
}

static void split_notification(struct store *store, int64_t key, const char *const *recipients, size_t count,
			       int64_t *keys, store_done *done, void *context)
{
	(void)key, (void)recipients;
	memset(keys, 0, count * sizeof *keys);
	answer_success(store, done, context);
}

static void read_stock(struct store *store, const char *sku, struct stock *stock, struct arena *arena,
		       store_done *done, void *context)
{
	(void)sku, (void)arena;
	*stock = (struct stock){.incarnation = ""};
	answer_success(store, done, context);
}

static void find_active_shrinks(struct store *store, const char **skus, size_t max, size_t *count,
				struct arena *arena, store_done *done, void *context)
{
	(void)skus, (void)max, (void)arena;
	*count = 0;
	answer_success(store, done, context);
}

static void tidy(struct store *store, struct tidied *tidied, store_done *done, void *context)
{
	*tidied = (struct tidied){0};
	answer_success(store, done, context);
}

/* ---- its life ---- */

static const struct store_ops dry_run_ops = {
	.resolve = resolve,
	.load = load,
	.flush = flush,
	.resolve_commit = resolve_commit,
	.find_locked = find_locked,
	.probe = probe,
	.read_cursors = read_cursors,
	.read_outbox = read_outbox,
	.save_cursors = save_cursors,
	.due_notifications = due_notifications,
	.record_notification = record_notification,
	.split_notification = split_notification,
	.read_stock = read_stock,
	.find_active_shrinks = find_active_shrinks,
	.tidy = tidy,
};

struct dry_run_store *dry_run_store_new(struct store *below, struct clock *clock, unit_shown *show,
					void *context)
{
	struct dry_run_store *dry_run = must_alloc(sizeof *dry_run);

	*dry_run = (struct dry_run_store){.store = {.ops = &dry_run_ops},
					  .below = below,
					  .clock = clock,
					  .show = show,
					  .context = context};
	dry_run->timer = clock->ops->timer_new(clock, on_timer, dry_run);
	return dry_run;
}

struct store *dry_run_store_port(struct dry_run_store *dry_run)
{
	return &dry_run->store;
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
	struct dry_run_broker *broker = (struct dry_run_broker *)port;
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
