/* Runs chores in rounds, one at a time, on their own store; notifications and probes run in between. */
#include "bus/housekeeping/housekeeper.h"

#include "bus/base/stream_list.h"
#include "bus/housekeeping/notifications.h"
#include "core/base/arena.h"
#include "core/base/must.h"

#include <stdlib.h>

#define DUE_AT_ONCE       100
#define SHRINKS_AT_ONCE   16
#define PROCESSES_AT_ONCE 100
#define RUNNING_MAX       10000 /* processes whose leases one round prolongs */
#define ROUND_MS          10000 /* between rounds of chores */
#define DUE_AGAIN_MS                                                                                         \
	100 /* added to the time when a postponed notification is due, so that it is due for the query */
#define CLEANUP_MORE_MS 200  /* between portions while many rows are expired */
#define PROBE_MS        3000 /* between empty units while no unit is committed */
#define PROBE_SOON_MS   1000 /* between them while the database is in trouble */
#define COUNT_SOON_MS   500  /* from when dead letters were written until they are counted */
#define STOP_MS         2000 /* how long a stopping worker waits for notifications under way */

/* The chores of a round, in their order. */
enum chore { CHORE_SHRINKS, CHORE_PROCESSES, CHORE_DUE, CHORE_CLEANUP, CHORE_NONE };

struct housekeeper {
	const struct housekeeping_ports *ports;
	const struct engine_config *config;
	struct engine_stats *stats;
	struct housekeeping_listener listener;

	struct notifications *notifications;
	bool store_busy; /* with a chore or a probe */

	struct timer *stop_timer;
	bool is_stopped, is_given_up; /* no notification is begun; the wait for those under way is over */
	void (*settled)(void *context);
	void *settled_context;

	enum chore chore; /* the next one of this round */
	struct timer *round;
	bool is_to_count; /* dead letters were written since the round began: the next one counts them */
	struct timer *probe_timer;
	bool probe_is_due, probe_is_soon;
	uint64_t units;      /* units that were committed when the last probe was due */
	struct arena *arena; /* memory of the chore under way */
	const char *skus[SHRINKS_AT_ONCE];
	struct due_process processes[PROCESSES_AT_ONCE];
	struct notification due[DUE_AT_ONCE];
	size_t found, due_max;
	bool has_more_due;       /* more notifications were due than the last query returned */
	struct timer *due_timer; /* fires when a postponed notification is due */
	int64_t due_ms;          /* when due_timer fires, or 0 */
	struct cleanup cleanup;
};

static void advance(struct housekeeper *housekeeper);
static void on_notifications_changed(void *context);
static void on_postponed(void *context, int seconds);
static void on_due_again(void *context);
static void on_stop_timeout(void *context);

/* ---- beginning and end ---- */

static void begin_round(void *context)
{
	struct housekeeper *housekeeper = context;

	housekeeper->chore = CHORE_SHRINKS;
	housekeeper->is_to_count = false;
	advance(housekeeper);
}

/* ---- probing: does the database accept a unit of work? ---- */

static void probe_in(struct housekeeper *housekeeper, int64_t delay_ms)
{
	housekeeper->ports->clock->ops->timer_set(housekeeper->probe_timer, delay_ms);
}

/* A unit was committed since: the database accepts units, and no probe is needed. */
static void on_probe_due(void *context)
{
	struct housekeeper *housekeeper = context;
	bool is_idle = housekeeper->units == housekeeper->stats->units;

	housekeeper->units = housekeeper->stats->units;
	housekeeper->probe_is_soon = false;
	housekeeper->probe_is_due = is_idle;
	if (is_idle)
		advance(housekeeper);
	else
		probe_in(housekeeper, PROBE_MS);
}

void housekeeper_probe_soon(struct housekeeper *housekeeper)
{
	if (housekeeper->config->no_chores || housekeeper->probe_is_soon || housekeeper->probe_is_due)
		return;
	housekeeper->probe_is_soon = true;
	probe_in(housekeeper, PROBE_SOON_MS);
}

static void on_probed(void *context, const struct failure *failure)
{
	struct housekeeper *housekeeper = context;

	housekeeper->store_busy = false;
	housekeeper->probe_is_due = false;
	housekeeper->probe_is_soon = failure;
	probe_in(housekeeper, failure ? PROBE_SOON_MS : PROBE_MS);
	housekeeper->listener.probed(housekeeper->listener.context, failure);
	advance(housekeeper);
}

static void probe(struct housekeeper *housekeeper)
{
	struct chores_store *store = housekeeper->ports->chores_store;

	housekeeper->store_busy = true;
	store->ops->probe(store, on_probed, housekeeper);
}

/* ---- beginning and end, continued ---- */

void housekeeper_count_soon(struct housekeeper *housekeeper)
{
	if (housekeeper->config->no_chores || housekeeper->is_to_count)
		return;
	housekeeper->is_to_count = true;
	if (housekeeper->chore == CHORE_NONE)
		housekeeper->ports->clock->ops->timer_set(housekeeper->round, COUNT_SOON_MS);
}

struct housekeeper *housekeeper_new(const struct housekeeping_ports *ports,
				    const struct engine_config *config, struct engine_stats *stats,
				    const struct housekeeping_listener *listener)
{
	struct housekeeper *housekeeper = must_alloc(sizeof *housekeeper);

	housekeeper->ports = ports;
	housekeeper->config = config;
	housekeeper->stats = stats;
	housekeeper->listener = *listener;
	housekeeper->notifications = notifications_new(
		ports, config, stats,
		&(struct notifications_listener){on_notifications_changed, on_postponed, housekeeper});
	housekeeper->chore = CHORE_NONE;
	housekeeper->arena = arena_new(4096);
	housekeeper->round = ports->clock->ops->timer_new(ports->clock, begin_round, housekeeper);
	housekeeper->probe_timer = ports->clock->ops->timer_new(ports->clock, on_probe_due, housekeeper);
	housekeeper->due_timer = ports->clock->ops->timer_new(ports->clock, on_due_again, housekeeper);
	housekeeper->stop_timer = ports->clock->ops->timer_new(ports->clock, on_stop_timeout, housekeeper);
	return housekeeper;
}

void housekeeper_free(struct housekeeper **housekeeper)
{
	struct housekeeper *it = *housekeeper;

	if (!it)
		return;
	notifications_free(&it->notifications);
	it->ports->clock->ops->timer_free(&it->round);
	it->ports->clock->ops->timer_free(&it->probe_timer);
	it->ports->clock->ops->timer_free(&it->due_timer);
	it->ports->clock->ops->timer_free(&it->stop_timer);
	arena_free(&it->arena);
	free(it);
	*housekeeper = NULL;
}

void housekeeper_start(struct housekeeper *housekeeper)
{
	if (housekeeper->config->no_chores)
		return;
	begin_round(housekeeper);
	probe_in(housekeeper, PROBE_MS);
}

/* ---- notifications ---- */

void housekeeper_add_notifications(struct housekeeper *housekeeper, const struct notification *notifications,
				   size_t count)
{
	if (housekeeper->config->no_chores)
		return;
	notifications_add(housekeeper->notifications, notifications, count);
	advance(housekeeper);
}

static void on_notifications_changed(void *context)
{
	struct housekeeper *housekeeper = context;

	advance(housekeeper);
	if (housekeeper->is_stopped && notifications_are_settled(housekeeper->notifications))
		housekeeper->settled(housekeeper->settled_context);
}

/* Begins a round early, unless one is under way. */
static void on_due_again(void *context)
{
	struct housekeeper *housekeeper = context;

	housekeeper->due_ms = 0;
	if (housekeeper->chore == CHORE_NONE)
		begin_round(housekeeper);
	else
		on_postponed(housekeeper, 0);
}

static void on_postponed(void *context, int seconds)
{
	struct housekeeper *housekeeper = context;
	struct clock *clock = housekeeper->ports->clock;
	int64_t due_ms = clock->ops->now_ms(clock) + (int64_t)1000 * seconds + DUE_AGAIN_MS;

	if (housekeeper->due_ms && housekeeper->due_ms <= due_ms)
		return;
	housekeeper->due_ms = due_ms;
	clock->ops->timer_set(housekeeper->due_timer, due_ms - clock->ops->now_ms(clock));
}

static void on_stop_timeout(void *context)
{
	struct housekeeper *housekeeper = context;

	housekeeper->is_given_up = true;
	housekeeper->settled(housekeeper->settled_context);
}

void housekeeper_stop(struct housekeeper *housekeeper, void (*settled)(void *context), void *context)
{
	housekeeper->is_stopped = true;
	housekeeper->settled = settled;
	housekeeper->settled_context = context;
	notifications_stop(housekeeper->notifications);
	housekeeper->ports->clock->ops->timer_set(housekeeper->stop_timer, STOP_MS);
}

bool housekeeper_is_settled(const struct housekeeper *housekeeper)
{
	return !housekeeper->is_stopped || housekeeper->is_given_up ||
	       notifications_are_settled(housekeeper->notifications);
}

/* ---- the chores of a round ---- */

static void chore_done(struct housekeeper *housekeeper, const struct failure *failure, enum chore next)
{
	housekeeper->store_busy = false;
	housekeeper->chore = failure ? CHORE_NONE : next;
	if (failure && failure->kind != FAILURE_RETRY)
		LOG(housekeeper->ports->logger, LOG_WARN, "housekeeping failed, will try again",
		    LOG_TROUBLE(LOG_DATABASE), LOG_TEXT("error", failure->text));
	if (housekeeper->chore == CHORE_NONE)
		housekeeper->ports->clock->ops->timer_set(
			housekeeper->round, housekeeper->is_to_count ? COUNT_SOON_MS : ROUND_MS);
}

static void on_shrinks(void *context, const struct failure *failure)
{
	struct housekeeper *housekeeper = context;

	for (size_t i = 0; !failure && i < housekeeper->found; i++)
		housekeeper->listener.shrink_found(housekeeper->listener.context, housekeeper->skus[i]);
	chore_done(housekeeper, failure, CHORE_PROCESSES);
	advance(housekeeper);
}

static void on_processes(void *context, const struct failure *failure)
{
	struct housekeeper *housekeeper = context;

	for (size_t i = 0; !failure && i < housekeeper->found; i++)
		housekeeper->listener.process_found(housekeeper->listener.context,
						    &housekeeper->processes[i]);
	chore_done(housekeeper, failure, CHORE_DUE);
	advance(housekeeper);
}

static void on_due(void *context, const struct failure *failure)
{
	struct housekeeper *housekeeper = context;

	chore_done(housekeeper, failure, CHORE_CLEANUP);
	housekeeper->has_more_due =
		!failure && !housekeeper->is_stopped && housekeeper->found == housekeeper->due_max;
	if (!failure)
		housekeeper_add_notifications(housekeeper, housekeeper->due, housekeeper->found);
	else
		advance(housekeeper);
}

static void on_cleaned_up(void *context, const struct failure *failure)
{
	struct housekeeper *housekeeper = context;

	chore_done(housekeeper, failure, CHORE_NONE);
	if (!failure) {
		housekeeper->stats->dead_letters = housekeeper->cleanup.dead_letters;
		housekeeper->stats->dead_letters_dropped = housekeeper->cleanup.dead_letters_dropped;
	}
	if (!failure && housekeeper->cleanup.more)
		housekeeper->ports->clock->ops->timer_set(housekeeper->round, CLEANUP_MORE_MS);
	advance(housekeeper);
}

/* Leases expire while notifications wait for a slow notifier: lease no more than the notifier can begin. */
static size_t room_for_due(const struct housekeeper *housekeeper)
{
	size_t waiting = notifications_waiting(housekeeper->notifications);

	return waiting < DUE_AT_ONCE && !housekeeper->is_stopped ? DUE_AT_ONCE - waiting : 0;
}

static void claim_processes(struct housekeeper *housekeeper)
{
	struct chores_store *store = housekeeper->ports->chores_store;
	const struct housekeeping_listener *listener = &housekeeper->listener;
	int64_t *running = arena_reserve(housekeeper->arena, RUNNING_MAX * sizeof *running);
	const char *streams[STREAMS_MAX];
	struct process_claim claim = {.running = running, .streams = streams};

	claim.running_count = listener->running_processes(listener->context, running, RUNNING_MAX);
	claim.stream_count = listener->streams_in_place(listener->context, streams, STREAMS_MAX);
	claim.max = housekeeper->is_stopped ? 0 : PROCESSES_AT_ONCE;
	store->ops->claim_processes(store, &claim, housekeeper->processes, &housekeeper->found,
				    housekeeper->arena, on_processes, housekeeper);
}

static void do_chore(struct housekeeper *housekeeper)
{
	struct chores_store *store = housekeeper->ports->chores_store;

	arena_clear(housekeeper->arena);
	housekeeper->found = 0;
	housekeeper->store_busy = true;
	switch (housekeeper->chore) {
	case CHORE_SHRINKS:
		store->ops->find_active_shrinks(store, housekeeper->skus, SHRINKS_AT_ONCE,
						&housekeeper->found, housekeeper->arena, on_shrinks,
						housekeeper);
		break;
	case CHORE_PROCESSES:
		claim_processes(housekeeper);
		break;
	case CHORE_DUE:
		housekeeper->due_max = room_for_due(housekeeper);
		store->ops->claim_notifications(store, housekeeper->due, housekeeper->due_max,
						&housekeeper->found, housekeeper->arena, on_due, housekeeper);
		break;
	case CHORE_CLEANUP:
		store->ops->clean_up(store, &housekeeper->cleanup, on_cleaned_up, housekeeper);
		break;
	case CHORE_NONE:
		housekeeper->store_busy = false;
		break;
	}
}

static void advance(struct housekeeper *housekeeper)
{
	notifications_advance(housekeeper->notifications);
	if (housekeeper->store_busy || notifications_are_using_store(housekeeper->notifications))
		return;
	if (housekeeper->has_more_due && housekeeper->chore == CHORE_NONE &&
	    !notifications_waiting(housekeeper->notifications))
		housekeeper->chore = CHORE_DUE;
	if (housekeeper->probe_is_due)
		probe(housekeeper);
	else if (!notifications_use_store(housekeeper->notifications))
		do_chore(housekeeper);
}
