/*
 * Port: notifies people.  A notification is an effect outside the unit of work: it is sent after the
 * commit, and it fails and is retried independently.
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

/* A notification names this many batches at most. */
#define STOCK_BATCHES_MAX 20

/* The SKU's stock when the notification is written. */
struct stock {
	const char *incarnation; /* of the database, see broker.h; identifies a notification with its key */
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
	const char *recipient;     /* NULL: all of the notifier's recipients */
	const struct stock *stock; /* NULL when the notifier needs none */
};

/*
 * FAILURE_DATA: the notification is refused for good.  FAILURE_BUSY: the service works, but does not accept
 * this notification now.  Any other kind is a failure of the service.
 */
typedef void notify_done(void *context, const struct failure *failure);

struct notifier {
	const struct notifier_ops *ops;
	size_t at_once;     /* notifications that may be under way at a time, at least 1 */
	int64_t longest_ms; /* every notification is answered within this time */
	bool needs_stock;
	const char *const *recipients; /* more than one: each gets a notification of its own */
	size_t recipient_count;
};

struct notifier_ops {
	/*
	 * Reports that a line was out of stock.  `notification` must live until `done`, which is called
	 * exactly once and never before notify returns.
	 */
	void (*notify)(struct notifier *notifier, const struct notification *notification, notify_done *done,
		       void *context);
};

#endif
