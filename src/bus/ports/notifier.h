/*
 * Port: notifies people.  An effect outside of the unit of work: it happens after the commit, fails alone
 * and is tried again alone.
 */
#ifndef ALLOCD_BUS_PORTS_NOTIFIER_H
#define ALLOCD_BUS_PORTS_NOTIFIER_H

#include "bus/ports/failure.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A batch with free stock. */
struct stock_batch {
	const char *reference;
	int32_t eta;  /* see core/base/calendar.h */
	int32_t free; /* purchased and not allocated */
};

/* How many of them a notification names at most. */
#define STOCK_BATCHES_MAX 20

/* What there is of an SKU while the notification is written. */
struct stock {
	const char
		*incarnation; /* of the database: with its key it identifies a notification, see broker.h */
	struct stock_batch batches[STOCK_BATCHES_MAX]; /* in order of preference */
	size_t count;
	bool has_more; /* batches beyond those */
};

struct notification {
	int64_t key; /* the store's own */
	const char *sku;
	const char *orderid;
	int32_t qty;
	int attempts;              /* made so far */
	const char *recipient;     /* NULL: for each that the notifier has */
	const struct stock *stock; /* NULL when the notifier needs none */
};

/*
 * FAILURE_DATA: refused for good.  FAILURE_BUSY: the service answers, but does not take this notification
 * now.  Any other failure is trouble of the service itself.
 */
typedef void notify_done(void *context, const struct failure *failure);

struct notifier {
	const struct notifier_ops *ops;
	size_t at_once;     /* how many notifications it takes at a time, at least 1 */
	int64_t longest_ms; /* after which each of them has its answer */
	bool needs_stock;
	const char *const *recipients; /* more than one: each gets a notification of its own */
	size_t recipient_count;
};

struct notifier_ops {
	/*
	 * Says that a line was out of stock.  `notification` lives until `done`, which is called exactly once
	 * and never before notify returns.
	 */
	void (*notify)(struct notifier *notifier, const struct notification *notification, notify_done *done,
		       void *context);
};

#endif
