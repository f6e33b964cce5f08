/*
 * Port: tells people.  An effect outside of the unit of work: it happens after the commit, fails alone and is
 * tried again alone.
 */
#ifndef ALLOCD_BUS_NOTIFIER_H
#define ALLOCD_BUS_NOTIFIER_H

#include "bus/failure.h"

#include <stdint.h>

struct notification {
	int64_t key; /* the store's own */
	const char *sku;
	const char *orderid;
	int32_t qty;
	int attempts; /* made so far */
};

typedef void notify_done(void *context, const struct failure *failure);

struct notifier {
	const struct notifier_ops *ops;
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
