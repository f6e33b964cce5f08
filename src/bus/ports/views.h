/*
 * Port: reads for people and other services, on a connection of its own, so that a read never waits for a
 * unit of work.  Every call answers exactly once, through its callback, never before it returns; the
 * arguments of the callback are valid only during the call.
 */
#ifndef ALLOCD_BUS_PORTS_VIEWS_H
#define ALLOCD_BUS_PORTS_VIEWS_H

#include "bus/ports/checkpoints.h"
#include "bus/ports/failure.h"
#include "core/base/bytes.h"
#include "core/base/calendar.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct allocation_row {
	const char *sku;
	int32_t qty;
	const char *batchref;
};

struct batch_view {
	const char *batchref;
	int32_t eta; /* see calendar.h */
	int32_t qty; /* on the shelf or due, lines that are allocated and not shipped included */
	int32_t allocated;
};

/* A product with a page of its batches, or one batch with its product. */
struct stock_page {
	const char *sku;       /* NULL: there is no such product or batch */
	int64_t version;       /* of the product's last event */
	bool after_is_unknown; /* the page was to begin behind a batch that the product does not have */
	const struct batch_view *batches;
	size_t count;
};

/*
 * Events of one SKU as the outbox keeps them: a frame (see outbox_frame.h) whose events are numbered from
 * first_version on.
 */
struct event_frame {
	int64_t first_version;
	struct bytes frame;
};

/* What was read of a SKU's events: those after the version `after`, which may be lower than asked for. */
struct events_page {
	int64_t epoch;   /* of the database */
	int64_t version; /* of the SKU's last event; 0: none */
	int64_t after;
	const struct event_frame *frames;
	size_t count;
};

typedef void allocations_done(void *context, const struct allocation_row *rows, size_t count,
			      const struct failure *failure);
typedef void stock_done(void *context, const struct stock_page *page, const struct failure *failure);
typedef void gaps_done(void *context, const struct subscription_gap *gaps, size_t count,
		       const struct failure *failure);
typedef void events_done(void *context, const struct events_page *page, const struct failure *failure);
/* What the database says of itself. */
struct database_health {
	int64_t now_us; /* its clock, in microseconds since 1970; NO_INSTANT: unknown */
	int64_t breaches,
		view_breaches; /* that the last `allocd verify` found, and those of the read model */
};

typedef void ping_done(void *context, const struct database_health *health, const struct failure *failure);

struct views {
	const struct views_ops *ops;
};

#define EVENTS_READ_MAX  1000
#define BATCHES_READ_MAX 1000
#define GAPS_READ_MAX    100

struct views_ops {
	/* The batches that hold the order's lines, by SKU, quantity. */
	void (*allocations)(struct views *views, const char *orderid, allocations_done *done, void *context);

	/*
	 * The product's batches behind the batch `after`, or from the first one on if that is "", in order of
	 * preference and of one moment: BATCHES_READ_MAX + 1 at most.
	 */
	void (*product)(struct views *views, const char *sku, const char *after, stock_done *done,
			void *context);

	void (*batch)(struct views *views, const char *batchref, stock_done *done, void *context);

	/*
	 * The frames with events of the SKU after `version`, and with all of later epochs than `epoch`,
	 * oldest first, up to those that hold the first EVENTS_READ_MAX + 1 of these events.  Where there
	 * are later epochs, a few events may come before them.
	 */
	void (*events)(struct views *views, const char *sku, int64_t epoch, int64_t version,
		       events_done *done, void *context);

	/* The last gaps of the subscription, the newest first: GAPS_READ_MAX at most. */
	void (*gaps)(struct views *views, gaps_done *done, void *context);

	/* Answers when the database does. */
	void (*ping)(struct views *views, ping_done *done, void *context);
};

#endif
