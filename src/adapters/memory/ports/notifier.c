/* Keeps copies of the notifications in an arena. */
#include "adapters/memory/ports/notifier.h"

#include "core/base/arena.h"
#include "core/base/container_of.h"
#include "core/base/must.h"

#include <string.h>

struct memory_notifier {
	struct notifier notifier;
	struct arena *arena;
	struct cable requests;
	bool down;
	const char *refused; /* an order id; NULL: no order is refused */
	const char *busy;    /* a recipient; NULL: no recipient is busy */
	size_t attempts;
	struct notification *sent;
	size_t count;
};

/* One call of notify, from its beginning to its answer. */
struct notifying {
	struct memory_notifier *notifier;
	const struct notification *notification;
	notify_done *done;
	void *context;
};

static struct stock *stock_copy(struct arena *arena, const struct stock *stock)
{
	struct stock *copy = arena_copy(arena, stock, sizeof *stock);

	copy->incarnation = arena_strdup(arena, stock->incarnation);
	for (size_t i = 0; i < copy->count; i++)
		copy->batches[i].reference = arena_strdup(arena, copy->batches[i].reference);
	return copy;
}

static void keep(struct memory_notifier *notifier, const struct notification *notification)
{
	struct arena *arena = notifier->arena;
	struct notification *copy;

	notifier->sent = arena_grow(arena, notifier->sent, notifier->count, sizeof *notifier->sent);
	copy = &notifier->sent[notifier->count++];
	*copy = *notification;
	copy->sku = arena_strdup(arena, notification->sku);
	copy->orderid = arena_strdup(arena, notification->orderid);
	if (notification->recipient)
		copy->recipient = arena_strdup(arena, notification->recipient);
	if (notification->stock)
		copy->stock = stock_copy(arena, notification->stock);
}

static const struct failure *failure_of(const struct memory_notifier *notifier,
					const struct notification *notification)
{
	static const struct failure away = {FAILURE_RETRY, "notifier: not reachable"};
	static const struct failure refused = {FAILURE_DATA, "notifier: refused"};
	static const struct failure busy = {FAILURE_BUSY, "notifier: not now"};

	if (notifier->busy && notification->recipient && !strcmp(notifier->busy, notification->recipient))
		return &busy;
	if (notifier->down)
		return &away;
	if (notifier->refused && !strcmp(notifier->refused, notification->orderid))
		return &refused;
	return NULL;
}

static void on_request(void *context)
{
	struct notifying *notifying = context;
	struct memory_notifier *notifier = notifying->notifier;
	const struct failure *failure = failure_of(notifier, notifying->notification);

	notifier->attempts++;
	if (!failure)
		keep(notifier, notifying->notification);
	notifying->done(notifying->context, failure);
}

static void notify(struct notifier *port, const struct notification *notification, notify_done *done,
		   void *context)
{
	struct memory_notifier *notifier = container_of(port, struct memory_notifier, notifier);
	struct notifying *notifying = arena_alloc(notifier->arena, sizeof *notifying);

	*notifying = (struct notifying){notifier, notification, done, context};
	cable_pass(&notifier->requests, on_request, notifying);
}

struct memory_notifier *memory_notifier_new(struct simulation *simulation)
{
	static const struct notifier_ops ops = {notify};
	struct memory_notifier *notifier = must_alloc(sizeof *notifier);

	notifier->notifier.ops = &ops;
	notifier->notifier.at_once = 1;
	notifier->arena = arena_new(1024);
	cable_init(&notifier->requests, simulation);
	return notifier;
}

void memory_notifier_free(struct memory_notifier **notifier)
{
	if (!*notifier)
		return;
	cable_clear(&(*notifier)->requests);
	arena_free(&(*notifier)->arena);
	free(*notifier);
	*notifier = NULL;
}

struct notifier *memory_notifier_port(struct memory_notifier *notifier)
{
	return &notifier->notifier;
}

struct cable *memory_notifier_requests(struct memory_notifier *notifier)
{
	return &notifier->requests;
}

void memory_notifier_set_down(struct memory_notifier *notifier, bool down)
{
	notifier->down = down;
}

void memory_notifier_refuse(struct memory_notifier *notifier, const char *orderid)
{
	notifier->refused = arena_strdup(notifier->arena, orderid);
}

void memory_notifier_set_busy(struct memory_notifier *notifier, const char *recipient)
{
	notifier->busy = recipient;
}

size_t memory_notifier_attempts(const struct memory_notifier *notifier)
{
	return notifier->attempts;
}

size_t memory_notifier_count(const struct memory_notifier *notifier)
{
	return notifier->count;
}

const struct notification *memory_notifier_sent(const struct memory_notifier *notifier, size_t index)
{
	return &notifier->sent[index];
}
