/* The steps of a notification, in order. */
#include "bus/housekeeping/notifications.h"

#include "core/base/arena.h"
#include "core/base/must.h"

#include <stdlib.h>
#include <string.h>

#define IN_MEMORY_MAX 1000

#define RETRY_FIRST_SECONDS 10
#define RETRY_CAP_SECONDS   3600
#define TRIES_MAX           20

/* The rest of a lease must cover the notifier's longest time and this much for calls of the store. */
#define LEASE_MARGIN_MS 10000

/* Between attempts to record a result while the database is in trouble. */
#define RECORD_AGAIN_MS 1000

enum step {
	STEP_QUEUED, /* waits until the notifier is free */
	STEP_SPLIT,  /* waits for the store, which replaces it by one for each recipient */
	STEP_READ,   /* waits for the store, which reads the stock */
	STEP_NOTIFY, /* waits for the notifier */
	STEP_RECORD, /* waits for the store, which records its result */
};

struct waiting {
	struct waiting *next;
	struct notifications *owner;
	struct arena *arena; /* holds it */
	struct notification notification;
	struct stock stock;
	enum step step;
	int64_t leased_until_ms;
	int64_t *split_keys;
	enum notification_result result;
	const char *reason; /* why it is dead, or "" */
};

struct notifications {
	const struct housekeeping_ports *ports;
	const struct engine_config *config;
	struct engine_stats *stats;
	struct notifications_listener listener;

	struct waiting *first, **end; /* in the queue */
	size_t count;
	struct waiting *begun; /* beyond the queue, `at_once` of the notifier at most */
	size_t begun_count;
	struct waiting *calling; /* the notification whose store call is under way */
	struct timer *pause;     /* set while results cannot be recorded */
	bool is_paused;
	bool is_stopped;
};

/* ---- the queue ---- */

static int64_t now_ms(const struct notifications *notifications)
{
	struct clock *clock = notifications->ports->clock;

	return clock->ops->now_ms(clock);
}

static void waiting_free(struct waiting *waiting)
{
	struct arena *arena = waiting->arena;

	arena_free(&arena);
}

static bool is_among(const struct waiting *list, int64_t key)
{
	while (list && list->notification.key != key)
		list = list->next;
	return list;
}

static struct waiting *waiting_new(struct notifications *owner, const struct notification *notification)
{
	struct arena *arena = arena_new(512);
	struct waiting *waiting = arena_alloc(arena, sizeof *waiting);

	waiting->owner = owner;
	waiting->arena = arena;
	waiting->leased_until_ms = now_ms(owner) + (int64_t)1000 * NOTIFICATION_LEASE;
	waiting->notification = *notification;
	waiting->notification.sku = arena_strdup(arena, notification->sku);
	waiting->notification.orderid = arena_strdup(arena, notification->orderid);
	if (notification->recipient)
		waiting->notification.recipient = arena_strdup(arena, notification->recipient);
	waiting->notification.stock = NULL;
	return waiting;
}

static void enqueue(struct notifications *notifications, const struct notification *notification)
{
	struct waiting *waiting = waiting_new(notifications, notification);

	*notifications->end = waiting;
	notifications->end = &waiting->next;
	notifications->count++;
}

static struct waiting *dequeue(struct notifications *notifications)
{
	struct waiting *waiting = notifications->first;

	notifications->first = waiting->next;
	if (!notifications->first)
		notifications->end = &notifications->first;
	notifications->count--;
	waiting->next = NULL;
	return waiting;
}

static void drop_queue(struct notifications *notifications)
{
	while (notifications->first)
		waiting_free(dequeue(notifications));
}

void notifications_add(struct notifications *notifications, const struct notification *taken, size_t count)
{
	for (size_t i = 0; i < count && notifications->count < IN_MEMORY_MAX && !notifications->is_stopped;
	     i++) {
		if (!is_among(notifications->first, taken[i].key) &&
		    !is_among(notifications->begun, taken[i].key))
			enqueue(notifications, &taken[i]);
	}
}

size_t notifications_waiting(const struct notifications *notifications)
{
	return notifications->count;
}

/* ---- a notification begins and ends ---- */

static void end(struct waiting *waiting)
{
	struct notifications *notifications = waiting->owner;
	struct waiting **place = &notifications->begun;

	while (*place != waiting)
		place = &(*place)->next;
	*place = waiting->next;
	notifications->begun_count--;
	waiting_free(waiting);
}

static void on_notified(void *context, const struct failure *failure);

static void notify(struct waiting *waiting)
{
	struct notifier *notifier = waiting->owner->ports->notifier;

	waiting->step = STEP_NOTIFY;
	notifier->ops->notify(notifier, &waiting->notification, on_notified, waiting);
}

static void begin(struct notifications *notifications, struct waiting *waiting)
{
	const struct notifier *notifier = notifications->ports->notifier;
	struct notification *notification = &waiting->notification;

	waiting->next = notifications->begun;
	notifications->begun = waiting;
	notifications->begun_count++;
	if (!notification->recipient && notifier->recipient_count == 1)
		notification->recipient = notifier->recipients[0];
	if (!notification->recipient && notifier->recipient_count > 1)
		waiting->step = STEP_SPLIT;
	else if (notifier->needs_stock)
		waiting->step = STEP_READ;
	else
		notify(waiting);
}

/* Whether its result would be recorded before the lease expires and another worker sends it. */
static bool is_leased_for_long_enough(const struct waiting *waiting)
{
	const struct notifications *notifications = waiting->owner;
	int64_t needed_ms = notifications->ports->notifier->longest_ms + LEASE_MARGIN_MS;

	return waiting->leased_until_ms - now_ms(notifications) >= needed_ms;
}

void notifications_advance(struct notifications *notifications)
{
	while (notifications->first && notifications->begun_count < notifications->ports->notifier->at_once) {
		struct waiting *waiting = dequeue(notifications);

		if (is_leased_for_long_enough(waiting))
			begin(notifications, waiting);
		else
			waiting_free(waiting);
	}
}

/* ---- before the notifier: split by recipient, and read the stock ---- */

static void log_trouble(const struct notifications *notifications, const char *message,
			const struct failure *failure)
{
	LOG(notifications->ports->logger, LOG_WARN, message, LOG_TROUBLE(LOG_DATABASE),
	    LOG_TEXT("error", failure->text));
}

static void enqueue_parts(struct notifications *notifications, const struct waiting *whole)
{
	const struct notifier *notifier = notifications->ports->notifier;
	struct notification part = whole->notification;

	for (size_t i = 0; i < notifier->recipient_count; i++) {
		part.key = whole->split_keys[i];
		part.recipient = notifier->recipients[i];
		if (part.key && !notifications->is_stopped)
			enqueue(notifications, &part);
	}
}

/* The table has one notification for each recipient now, or still the whole one after a failure. */
static void on_split(void *context, const struct failure *failure)
{
	struct waiting *waiting = context;
	struct notifications *notifications = waiting->owner;

	notifications->calling = NULL;
	if (failure)
		log_trouble(notifications, "a notification waits for the database", failure);
	else
		enqueue_parts(notifications, waiting);
	end(waiting);
	notifications->listener.changed(notifications->listener.context);
}

static void split(struct waiting *waiting)
{
	struct chores_store *store = waiting->owner->ports->chores_store;
	const struct notifier *notifier = waiting->owner->ports->notifier;

	waiting->split_keys =
		arena_alloc(waiting->arena, notifier->recipient_count * sizeof *waiting->split_keys);
	store->ops->split_notification(store, waiting->notification.key, notifier->recipients,
				       notifier->recipient_count, waiting->split_keys, on_split, waiting);
}

static void on_stock(void *context, const struct failure *failure)
{
	struct waiting *waiting = context;
	struct notifications *notifications = waiting->owner;

	notifications->calling = NULL;
	waiting->notification.stock = &waiting->stock;
	if (failure)
		log_trouble(notifications, "a notification waits for the database", failure);
	if (failure || notifications->is_stopped)
		end(waiting);
	else
		notify(waiting);
	notifications->listener.changed(notifications->listener.context);
}

static void read_stock(struct waiting *waiting)
{
	struct chores_store *store = waiting->owner->ports->chores_store;

	store->ops->read_stock(store, waiting->notification.sku, &waiting->stock, waiting->arena, on_stock,
			       waiting);
}

/* ---- after the notifier ---- */

static void note_service(struct notifications *notifications, bool is_up)
{
	if (is_up && !notifications->stats->notifier_up)
		LOG(notifications->ports->logger, LOG_INFO, "mail can be sent again", LOG_OVER(LOG_MAIL));
	notifications->stats->notifier_up = is_up;
}

static void log_failure(struct notifications *notifications, const struct notification *notification,
			int attempts, bool is_dead, const struct failure *failure)
{
	struct logger *logger = notifications->ports->logger;

	if (is_dead)
		LOG(logger, LOG_ERROR, "notification failed, it is a dead letter now",
		    LOG_TEXT("sku", notification->sku), LOG_TEXT("orderid", notification->orderid),
		    LOG_TEXT("to", notification->recipient), LOG_NUMBER("attempts", attempts),
		    LOG_TEXT("error", failure->text));
	else if (notifications->stats->notifier_up)
		LOG(logger, LOG_WARN, "notification failed, will be tried again",
		    LOG_TEXT("sku", notification->sku), LOG_TEXT("orderid", notification->orderid),
		    LOG_TEXT("to", notification->recipient), LOG_NUMBER("attempts", attempts),
		    LOG_TEXT("error", failure->text));
	else
		LOG(logger, LOG_WARN, "cannot send mail, will try again", LOG_TROUBLE(LOG_MAIL),
		    LOG_TEXT("error", failure->text));
}

static int tries_max(const struct notifications *notifications)
{
	return notifications->config->notify_tries ? notifications->config->notify_tries : TRIES_MAX;
}

static void note_failure(struct waiting *waiting, const struct failure *failure)
{
	struct notifications *notifications = waiting->owner;
	int attempts = waiting->notification.attempts + 1;
	bool is_dead = failure->kind == FAILURE_DATA || attempts >= tries_max(notifications);

	notifications->stats->notify_failures++;
	notifications->stats->notifications_dead += is_dead;
	log_failure(notifications, &waiting->notification, attempts, is_dead, failure);
	waiting->result = is_dead ? NOTIFICATION_DEAD : NOTIFICATION_POSTPONED;
	waiting->reason = arena_strdup(waiting->arena, is_dead ? failure->text : "");
}

static void on_notified(void *context, const struct failure *failure)
{
	struct waiting *waiting = context;
	struct notifications *notifications = waiting->owner;

	note_service(notifications,
		     !failure || failure->kind == FAILURE_DATA || failure->kind == FAILURE_BUSY);
	waiting->step = STEP_RECORD;
	waiting->result = NOTIFICATION_DELIVERED;
	waiting->reason = "";
	if (failure)
		note_failure(waiting, failure);
	else
		notifications->stats->notified++;
	notifications->listener.changed(notifications->listener.context);
}

static int retry_seconds(const struct waiting *waiting)
{
	const struct engine_config *config = waiting->owner->config;
	int seconds = config->notify_retry_s ? config->notify_retry_s : RETRY_FIRST_SECONDS;

	for (int i = 0; i < waiting->notification.attempts && seconds < RETRY_CAP_SECONDS; i++)
		seconds *= 2;
	return seconds < RETRY_CAP_SECONDS ? seconds : RETRY_CAP_SECONDS;
}

static void on_pause_over(void *context)
{
	struct notifications *notifications = context;

	notifications->is_paused = false;
	notifications->listener.changed(notifications->listener.context);
}

/* Records the result as soon as the database works: until then the notification must not be sent again. */
static bool is_to_be_recorded_again(const struct failure *failure)
{
	return failure && failure->kind != FAILURE_DATA && failure->kind != FAILURE_FATAL;
}

static void on_result_recorded(void *context, const struct failure *failure)
{
	struct waiting *waiting = context;
	struct notifications *notifications = waiting->owner;
	struct clock *clock = notifications->ports->clock;

	notifications->calling = NULL;
	if (failure)
		log_trouble(notifications, "the result of a notification was not recorded", failure);
	else if (waiting->result == NOTIFICATION_POSTPONED)
		notifications->listener.postponed(notifications->listener.context, retry_seconds(waiting));
	if (is_to_be_recorded_again(failure)) {
		notifications->is_paused = true;
		clock->ops->timer_set(notifications->pause, RECORD_AGAIN_MS);
	} else {
		end(waiting);
	}
	notifications->listener.changed(notifications->listener.context);
}

static void record_result(struct waiting *waiting)
{
	struct chores_store *store = waiting->owner->ports->chores_store;

	store->ops->record_notification(store, waiting->notification.key, waiting->result,
					retry_seconds(waiting), waiting->reason, on_result_recorded, waiting);
}

/* ---- the store ---- */

/* The next notification that needs the store: results come first. */
static struct waiting *next_call(const struct notifications *notifications)
{
	struct waiting *next = NULL;

	for (struct waiting *it = notifications->begun; it; it = it->next) {
		if (it->step != STEP_NOTIFY && (!next || it->step == STEP_RECORD))
			next = it;
	}
	return next;
}

bool notifications_use_store(struct notifications *notifications)
{
	struct waiting *waiting = notifications->is_paused ? NULL : next_call(notifications);

	if (!waiting)
		return false;
	notifications->calling = waiting;
	if (waiting->step == STEP_RECORD)
		record_result(waiting);
	else if (waiting->step == STEP_SPLIT)
		split(waiting);
	else
		read_stock(waiting);
	return true;
}

bool notifications_are_using_store(const struct notifications *notifications)
{
	return notifications->calling;
}

/* ---- beginning and end ---- */

struct notifications *notifications_new(const struct housekeeping_ports *ports,
					const struct engine_config *config, struct engine_stats *stats,
					const struct notifications_listener *listener)
{
	struct notifications *notifications = must_alloc(sizeof *notifications);

	notifications->ports = ports;
	notifications->config = config;
	notifications->stats = stats;
	notifications->listener = *listener;
	notifications->end = &notifications->first;
	notifications->pause = ports->clock->ops->timer_new(ports->clock, on_pause_over, notifications);
	stats->notifier_up = true;
	return notifications;
}

void notifications_stop(struct notifications *notifications)
{
	notifications->is_stopped = true;
	drop_queue(notifications);
}

bool notifications_are_settled(const struct notifications *notifications)
{
	return !notifications->begun;
}

void notifications_free(struct notifications **place)
{
	struct notifications *notifications = *place;

	if (!notifications)
		return;
	drop_queue(notifications);
	while (notifications->begun)
		end(notifications->begun);
	notifications->ports->clock->ops->timer_free(&notifications->pause);
	free(notifications);
	*place = NULL;
}
