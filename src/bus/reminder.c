/* Notifications, unfinished shrinks and tidying: one thing after another, on a store of its own. */
#include "bus/reminder.h"

#include "core/arena.h"
#include "core/must.h"

#include <stdlib.h>

#define NOTIFICATIONS_MAX   1000 /* in memory */
#define DUE_AT_ONCE         100
#define SHRINKS_AT_ONCE     16
#define ROUND_MS            10000 /* between looks at the tables */
#define TIDY_MORE_MS        200   /* between small portions when there is much to tidy */
#define RETRY_FIRST_SECONDS 10
#define RETRY_CAP_SECONDS   3600
#define PROBE_MS            3000 /* between empty units while nothing is committed */
#define PROBE_SOON_MS       1000 /* and while the database is in trouble */
#define COUNT_SOON_MS       500  /* until dead letters that were written are counted */
#define ATTEMPTS_MAX        20   /* to send a notification */

struct waiting {
	struct waiting *next;
	struct arena *arena; /* holds it */
	struct notification notification;
	enum notification_result result;
	const char *reason; /* why it is dead, or "" */
};

/* What a round does, in this order. */
enum chore { CHORE_SHRINKS, CHORE_DUE, CHORE_TIDY, CHORE_NONE };

struct reminder {
	const struct engine_ports *ports;
	const struct engine_config *config;
	struct engine_stats *stats;
	unfinished_shrink *unfinished;
	unit_probed *probed;
	void *context;

	struct waiting *first, **end; /* notifications to send */
	size_t count;
	bool sending;            /* the notifier has the first one */
	struct waiting *settled; /* answered by the notifier, to be written down */
	bool store_busy;

	enum chore chore; /* the next one of this round */
	struct timer *round;
	bool is_to_count; /* dead letters were written since the round began, which counts them */
	struct timer *probe_timer;
	bool probe_is_due, probe_is_soon;
	uint64_t units;      /* that were committed when the last probe was due */
	struct arena *arena; /* of the chore that is under way */
	const char *skus[SHRINKS_AT_ONCE];
	struct notification due[DUE_AT_ONCE];
	size_t found;
	struct tidied tidied;
};

static void go_on(struct reminder *reminder);

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
	reminder->end = &reminder->first;
	reminder->chore = CHORE_NONE;
	reminder->arena = arena_new(4096);
	reminder->round = ports->clock->ops->timer_new(ports->clock, begin_round, reminder);
	reminder->probe_timer = ports->clock->ops->timer_new(ports->clock, on_probe_due, reminder);
	return reminder;
}

static void waiting_free(struct waiting *waiting)
{
	struct arena *arena = waiting->arena;

	arena_free(&arena);
}

void reminder_free(struct reminder **reminder)
{
	struct reminder *it = *reminder;

	if (!it)
		return;
	if (it->settled)
		waiting_free(it->settled);
	for (struct waiting *next; it->first; it->first = next) {
		next = it->first->next;
		waiting_free(it->first);
	}
	it->ports->clock->ops->timer_free(&it->round);
	it->ports->clock->ops->timer_free(&it->probe_timer);
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

/* ---- notifications: to the notifier, then out of the table or due again later ---- */

/* What waits here for longer than its lease is due once more. */
static bool is_waiting(const struct reminder *reminder, int64_t key)
{
	const struct waiting *it = reminder->first;

	while (it && it->notification.key != key)
		it = it->next;
	return it;
}

void reminder_take(struct reminder *reminder, const struct notification *notifications, size_t count)
{
	if (reminder->config->no_chores)
		return;
	for (size_t i = 0; i < count && reminder->count < NOTIFICATIONS_MAX; i++) {
		struct arena *arena;
		struct waiting *waiting;

		if (is_waiting(reminder, notifications[i].key))
			continue;
		arena = arena_new(512);
		waiting = arena_alloc(arena, sizeof *waiting);
		waiting->arena = arena;
		waiting->notification = notifications[i];
		waiting->notification.sku = arena_strdup(arena, notifications[i].sku);
		waiting->notification.orderid = arena_strdup(arena, notifications[i].orderid);
		*reminder->end = waiting;
		reminder->end = &waiting->next;
		reminder->count++;
	}
	go_on(reminder);
}

static void note_failure(struct reminder *reminder, struct waiting *waiting, const struct failure *failure)
{
	int attempts = waiting->notification.attempts + 1;
	bool dead = failure->kind == FAILURE_DATA || attempts >= ATTEMPTS_MAX;

	reminder->stats->notify_failures++;
	reminder->stats->notifications_dead += dead;
	LOG(reminder->ports->logger, dead ? LOG_ERROR : LOG_WARN,
	    dead ? "notification failed, it is a dead letter now"
		 : "notification failed, will be tried again",
	    LOG_TEXT("sku", waiting->notification.sku), LOG_TEXT("orderid", waiting->notification.orderid),
	    LOG_NUMBER("attempts", attempts), LOG_TEXT("error", failure->text));
	waiting->result = dead ? NOTIFICATION_DEAD : NOTIFICATION_POSTPONED;
	waiting->reason = arena_strdup(waiting->arena, dead ? failure->text : "");
}

static void on_notified(void *context, const struct failure *failure)
{
	struct reminder *reminder = context;
	struct waiting *waiting = reminder->first;

	reminder->first = waiting->next;
	if (!reminder->first)
		reminder->end = &reminder->first;
	reminder->count--;
	reminder->settled = waiting;
	waiting->result = NOTIFICATION_DELIVERED;
	waiting->reason = "";
	if (failure)
		note_failure(reminder, waiting, failure);
	else
		reminder->stats->notified++;
	reminder->sending = false;
	go_on(reminder);
}

static int retry_seconds(int attempts)
{
	int seconds = RETRY_FIRST_SECONDS;

	for (int i = 0; i < attempts && seconds < RETRY_CAP_SECONDS; i++)
		seconds *= 2;
	return seconds < RETRY_CAP_SECONDS ? seconds : RETRY_CAP_SECONDS;
}

/* If it cannot be written down, the notification becomes due again by itself: at worst it is sent twice. */
static void on_settled(void *context, const struct failure *failure)
{
	struct reminder *reminder = context;

	if (failure)
		LOG(reminder->ports->logger, LOG_WARN, "notification: its result was not written down",
		    LOG_TROUBLE(LOG_DATABASE), LOG_TEXT("error", failure->text));
	waiting_free(reminder->settled);
	reminder->settled = NULL;
	reminder->store_busy = false;
	go_on(reminder);
}

static void settle(struct reminder *reminder)
{
	struct store *store = reminder->ports->reminder_store;
	const struct waiting *waiting = reminder->settled;

	reminder->store_busy = true;
	store->ops->settle_notification(store, waiting->notification.key, waiting->result,
					retry_seconds(waiting->notification.attempts), waiting->reason,
					on_settled, reminder);
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
		store->ops->due_notifications(store, reminder->due, DUE_AT_ONCE, &reminder->found,
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
	struct notifier *notifier = reminder->ports->notifier;

	if (!reminder->store_busy) {
		if (reminder->probe_is_due)
			probe(reminder);
		else if (reminder->settled)
			settle(reminder);
		else
			do_chore(reminder);
	}
	/* One at a time, and the next only when the last one's result has its place. */
	if (reminder->first && !reminder->sending && !reminder->settled) {
		reminder->sending = true;
		notifier->ops->notify(notifier, &reminder->first->notification, on_notified, reminder);
	}
}
