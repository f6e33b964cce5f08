/* Notifications, unfinished shrinks and tidying: one thing after another, on a store of its own. */
#include "bus/housekeeping/housekeeper.h"

#include "bus/housekeeping/notifications.h"
#include "core/base/arena.h"
#include "core/base/must.h"

#include <stdlib.h>

#define DUE_AT_ONCE     100
#define SHRINKS_AT_ONCE 16
#define ROUND_MS        10000 /* between looks at the tables */
#define DUE_AGAIN_MS    100   /* when the tables are being looked at anyway */
#define TIDY_MORE_MS    200   /* between small portions when there is much to tidy */
#define PROBE_MS        3000  /* between empty units while nothing is committed */
#define PROBE_SOON_MS   1000  /* and while the database is in trouble */
#define COUNT_SOON_MS   500   /* until dead letters that were written are counted */
#define STOP_MS         2000  /* what a notifier that has notifications gets for them at the end */

/* What a round does, in this order. */
enum chore { CHORE_SHRINKS, CHORE_DUE, CHORE_TIDY, CHORE_NONE };

struct reminder {
	const struct engine_ports *ports;
	const struct engine_config *config;
	struct engine_stats *stats;
	unfinished_shrink *unfinished;
	unit_probed *probed;
	void *context;

	struct notifications *notifications;
	bool store_busy; /* with a chore or a probe */

	struct timer *stop_timer;
	bool is_stopped, is_given_up; /* no notification is begun any more; nor is one waited for */
	void (*settled)(void *context);
	void *settled_context;

	enum chore chore; /* the next one of this round */
	struct timer *round;
	bool is_to_count; /* dead letters were written since the round began, which counts them */
	struct timer *probe_timer;
	bool probe_is_due, probe_is_soon;
	uint64_t units;      /* that were committed when the last probe was due */
	struct arena *arena; /* of the chore that is under way */
	const char *skus[SHRINKS_AT_ONCE];
	struct notification due[DUE_AT_ONCE];
	size_t found, due_max;
	bool has_more_due;       /* than were taken the last time */
	struct timer *due_timer; /* one that was postponed is due */
	int64_t due_ms;          /* when that fires, or 0 */
	struct tidied tidied;
};

static void go_on(struct reminder *reminder);
static void on_notifications_changed(void *context);
static void on_postponed(void *context, int seconds);
static void on_due_again(void *context);
static void on_stop_timeout(void *context);

/* ---- beginning and end ---- */

static void begin_round(void *context)
{
	struct reminder *reminder = context;

	reminder->chore = CHORE_SHRINKS;
	reminder->is_to_count = false;
	go_on(reminder);
}

/* ---- would the database take a unit? ---- */

static void probe_in(struct reminder *reminder, int64_t delay_ms)
{
	reminder->ports->clock->ops->timer_set(reminder->probe_timer, delay_ms);
}

/* Whoever commits need not be asked. */
static void on_probe_due(void *context)
{
	struct reminder *reminder = context;
	bool is_idle = reminder->units == reminder->stats->units;

	reminder->units = reminder->stats->units;
	reminder->probe_is_soon = false;
	reminder->probe_is_due = is_idle;
	if (is_idle)
		go_on(reminder);
	else
		probe_in(reminder, PROBE_MS);
}

void reminder_probe_soon(struct reminder *reminder)
{
	if (reminder->config->no_chores || reminder->probe_is_soon || reminder->probe_is_due)
		return;
	reminder->probe_is_soon = true;
	probe_in(reminder, PROBE_SOON_MS);
}

static void on_probed(void *context, const struct failure *failure)
{
	struct reminder *reminder = context;

	reminder->store_busy = false;
	reminder->probe_is_due = false;
	reminder->probe_is_soon = failure;
	probe_in(reminder, failure ? PROBE_SOON_MS : PROBE_MS);
	reminder->probed(reminder->context, failure);
	go_on(reminder);
}

static void probe(struct reminder *reminder)
{
	struct store *store = reminder->ports->reminder_store;

	reminder->store_busy = true;
	store->ops->probe(store, on_probed, reminder);
}

/* ---- beginning and end, continued ---- */

void reminder_count_soon(struct reminder *reminder)
{
	if (reminder->config->no_chores || reminder->is_to_count)
		return;
	reminder->is_to_count = true;
	if (reminder->chore == CHORE_NONE)
		reminder->ports->clock->ops->timer_set(reminder->round, COUNT_SOON_MS);
}

struct reminder *reminder_new(const struct engine_ports *ports, const struct engine_config *config,
			      struct engine_stats *stats, unfinished_shrink *unfinished, unit_probed *probed,
			      void *context)
{
	struct reminder *reminder = must_alloc(sizeof *reminder);

	reminder->ports = ports;
	reminder->config = config;
	reminder->stats = stats;
	reminder->unfinished = unfinished;
	reminder->probed = probed;
	reminder->context = context;
	reminder->notifications = notifications_new(
		ports, config, stats,
		&(struct notifications_listener){on_notifications_changed, on_postponed, reminder});
	reminder->chore = CHORE_NONE;
	reminder->arena = arena_new(4096);
	reminder->round = ports->clock->ops->timer_new(ports->clock, begin_round, reminder);
	reminder->probe_timer = ports->clock->ops->timer_new(ports->clock, on_probe_due, reminder);
	reminder->due_timer = ports->clock->ops->timer_new(ports->clock, on_due_again, reminder);
	reminder->stop_timer = ports->clock->ops->timer_new(ports->clock, on_stop_timeout, reminder);
	return reminder;
}

void reminder_free(struct reminder **reminder)
{
	struct reminder *it = *reminder;

	if (!it)
		return;
	notifications_free(&it->notifications);
	it->ports->clock->ops->timer_free(&it->round);
	it->ports->clock->ops->timer_free(&it->probe_timer);
	it->ports->clock->ops->timer_free(&it->due_timer);
	it->ports->clock->ops->timer_free(&it->stop_timer);
	arena_free(&it->arena);
	free(it);
	*reminder = NULL;
}

void reminder_start(struct reminder *reminder)
{
	if (reminder->config->no_chores)
		return;
	begin_round(reminder);
	probe_in(reminder, PROBE_MS);
}

/* ---- notifications ---- */

void reminder_take(struct reminder *reminder, const struct notification *notifications, size_t count)
{
	if (reminder->config->no_chores)
		return;
	notifications_take(reminder->notifications, notifications, count);
	go_on(reminder);
}

static void on_notifications_changed(void *context)
{
	struct reminder *reminder = context;

	go_on(reminder);
	if (reminder->is_stopped && notifications_are_settled(reminder->notifications))
		reminder->settled(reminder->settled_context);
}

/* A round before its time, unless one is under way. */
static void on_due_again(void *context)
{
	struct reminder *reminder = context;

	reminder->due_ms = 0;
	if (reminder->chore == CHORE_NONE)
		begin_round(reminder);
	else
		on_postponed(reminder, 0);
}

static void on_postponed(void *context, int seconds)
{
	struct reminder *reminder = context;
	struct clock *clock = reminder->ports->clock;
	int64_t due_ms = clock->ops->now_ms(clock) + (int64_t)1000 * seconds + DUE_AGAIN_MS;

	if (reminder->due_ms && reminder->due_ms <= due_ms)
		return;
	reminder->due_ms = due_ms;
	clock->ops->timer_set(reminder->due_timer, due_ms - clock->ops->now_ms(clock));
}

static void on_stop_timeout(void *context)
{
	struct reminder *reminder = context;

	reminder->is_given_up = true;
	reminder->settled(reminder->settled_context);
}

void reminder_stop(struct reminder *reminder, void (*settled)(void *context), void *context)
{
	reminder->is_stopped = true;
	reminder->settled = settled;
	reminder->settled_context = context;
	notifications_stop(reminder->notifications);
	reminder->ports->clock->ops->timer_set(reminder->stop_timer, STOP_MS);
}

bool reminder_is_settled(const struct reminder *reminder)
{
	return !reminder->is_stopped || reminder->is_given_up ||
	       notifications_are_settled(reminder->notifications);
}

/* ---- the chores of a round ---- */

static void chore_done(struct reminder *reminder, const struct failure *failure, enum chore next)
{
	reminder->store_busy = false;
	reminder->chore = failure ? CHORE_NONE : next;
	if (failure && failure->kind != FAILURE_RETRY)
		LOG(reminder->ports->logger, LOG_WARN, "housekeeping failed, will try again",
		    LOG_TROUBLE(LOG_DATABASE), LOG_TEXT("error", failure->text));
	if (reminder->chore == CHORE_NONE)
		reminder->ports->clock->ops->timer_set(reminder->round,
						       reminder->is_to_count ? COUNT_SOON_MS : ROUND_MS);
}

static void on_shrinks(void *context, const struct failure *failure)
{
	struct reminder *reminder = context;

	for (size_t i = 0; !failure && i < reminder->found; i++)
		reminder->unfinished(reminder->context, reminder->skus[i]);
	chore_done(reminder, failure, CHORE_DUE);
	go_on(reminder);
}

static void on_due(void *context, const struct failure *failure)
{
	struct reminder *reminder = context;

	chore_done(reminder, failure, CHORE_TIDY);
	reminder->has_more_due = !failure && !reminder->is_stopped && reminder->found == reminder->due_max;
	if (!failure)
		reminder_take(reminder, reminder->due, reminder->found);
	else
		go_on(reminder);
}

static void on_tidied(void *context, const struct failure *failure)
{
	struct reminder *reminder = context;

	chore_done(reminder, failure, CHORE_NONE);
	if (!failure) {
		reminder->stats->dead_letters = reminder->tidied.dead_letters;
		reminder->stats->dead_letters_dropped = reminder->tidied.dead_letters_dropped;
	}
	if (!failure && reminder->tidied.more)
		reminder->ports->clock->ops->timer_set(reminder->round, TIDY_MORE_MS);
	go_on(reminder);
}

/* A slow notifier has enough to do with those that wait already, and their leases end. */
static size_t room_for_due(const struct reminder *reminder)
{
	size_t waiting = notifications_waiting(reminder->notifications);

	return waiting < DUE_AT_ONCE && !reminder->is_stopped ? DUE_AT_ONCE - waiting : 0;
}

static void do_chore(struct reminder *reminder)
{
	struct store *store = reminder->ports->reminder_store;

	arena_clear(reminder->arena);
	reminder->found = 0;
	reminder->store_busy = true;
	switch (reminder->chore) {
	case CHORE_SHRINKS:
		store->ops->unfinished_shrinks(store, reminder->skus, SHRINKS_AT_ONCE, &reminder->found,
					       reminder->arena, on_shrinks, reminder);
		break;
	case CHORE_DUE:
		reminder->due_max = room_for_due(reminder);
		store->ops->due_notifications(store, reminder->due, reminder->due_max, &reminder->found,
					      reminder->arena, on_due, reminder);
		break;
	case CHORE_TIDY:
		store->ops->tidy(store, &reminder->tidied, on_tidied, reminder);
		break;
	case CHORE_NONE:
		reminder->store_busy = false;
		break;
	}
}

static void go_on(struct reminder *reminder)
{
	notifications_advance(reminder->notifications);
	if (reminder->store_busy || notifications_are_using_store(reminder->notifications))
		return;
	if (reminder->has_more_due && reminder->chore == CHORE_NONE &&
	    !notifications_waiting(reminder->notifications))
		reminder->chore = CHORE_DUE;
	if (reminder->probe_is_due)
		probe(reminder);
	else if (!notifications_use_store(reminder->notifications))
		do_chore(reminder);
}
