/*
 * Port: what housekeeping does in the database.  See store_done.h for what every call has in common.
 */
#ifndef ALLOCD_BUS_PORTS_CHORES_STORE_H
#define ALLOCD_BUS_PORTS_CHORES_STORE_H

#include "bus/ports/notifier.h"
#include "bus/ports/process_store.h"
#include "bus/ports/store_done.h"
#include "core/base/arena.h"

#include <stdbool.h>

/*
 * Seconds for which a claimed notification is not due for other workers.  A new notification has the same
 * lease from its commit on, for the worker that wrote it.
 */
#define NOTIFICATION_LEASE 60

/* The result of a notification. */
enum notification_result {
	NOTIFICATION_DELIVERED, /* it is deleted */
	NOTIFICATION_POSTPONED, /* it is due again after `retry_seconds` */
	NOTIFICATION_DEAD,      /* it becomes a dead letter: way "mail", message "out_of_stock" */
};

struct cleanup {
	bool more;                    /* there is more to delete */
	int64_t dead_letters;         /* how many are kept */
	int64_t dead_letters_dropped; /* how many were dropped for want of room or for their age */
};

struct chores_store {
	const struct chores_store_ops *ops;
};

struct chores_store_ops {
	/* Flushes an empty unit, to find out whether the database accepts work.  See unit_store.h. */
	void (*probe)(struct chores_store *store, store_done *done, void *context);

	/*
	 * Claims up to `max` notifications that are due, for NOTIFICATION_LEASE seconds.  Texts live in
	 * `arena`.
	 */
	void (*claim_notifications)(struct chores_store *store, struct notification *notifications,
				    size_t max, size_t *count, struct arena *arena, store_done *done,
				    void *context);

	/* `retry_seconds` is for a postponed notification, `reason` for a dead one. */
	void (*record_notification)(struct chores_store *store, int64_t key, enum notification_result result,
				    int retry_seconds, const char *reason, store_done *done, void *context);

	/*
	 * Replaces a notification for all recipients by one for each of them, each leased like a new one,
	 * and sets their keys, which are 0 when the notification for all is gone.
	 */
	void (*split_notification)(struct chores_store *store, int64_t key, const char *const *recipients,
				   size_t count, int64_t *keys, store_done *done, void *context);

	/* The SKU's stock as it is now, for a notification; texts live in `arena`. */
	void (*read_stock)(struct chores_store *store, const char *sku, struct stock *stock,
			   struct arena *arena, store_done *done, void *context);

	/* Up to `max` SKUs with a shrink that proceeds in steps; texts live in `arena`. */
	void (*find_active_shrinks)(struct chores_store *store, const char **skus, size_t max, size_t *count,
				    struct arena *arena, store_done *done, void *context);

	/*
	 * Claims this worker's running processes again, and up to `max` that are due: their worker has died.
	 * `claim` is read before the call returns.  Texts live in `arena`.
	 */
	void (*claim_processes)(struct chores_store *store, const struct process_claim *claim,
				struct due_process *due, size_t *count, struct arena *arena, store_done *done,
				void *context);

	/* Deletes a small portion of what is past its retention. */
	void (*clean_up)(struct chores_store *store, struct cleanup *cleanup, store_done *done,
			 void *context);
};

#endif
