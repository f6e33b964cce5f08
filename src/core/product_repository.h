/*
 * The product as a store sees it: its parts, what must be loaded, and what has changed.  Only
 * stores and the product cache include this header; handlers use core/product.h.
 */
#ifndef ALLOCD_CORE_PRODUCT_REPOSITORY_H
#define ALLOCD_CORE_PRODUCT_REPOSITORY_H

#include "core/base/arena.h"
#include "core/journal.h"
#include "core/product.h"

/* ---- the order of preference ---- */

/* A place in the order of preference. */
struct preference {
	int32_t eta;
	const char *reference; /* NULL: after all batches of that ETA */
};

/* START is before every batch: none is loaded.  END is after every batch: nothing is left to load. */
#define PREFERENCE_START ((struct preference){IN_WAREHOUSE, ""})
#define PREFERENCE_END   ((struct preference){INT32_MAX, NULL})

/* Returns the place up to which all batches with `qty` free are loaded. */
struct preference product_loaded_to(const struct product *product, int32_t qty);

/* Negative if `a` is preferred: in the warehouse first, then earlier ETA, then reference in byte order. */
int preference_compare(struct preference a, struct preference b);
struct preference batch_preference(const struct batch *batch);

/* ---- what a product is made of ---- */

/* An order line in the product, and the batch that holds it, if any. */
struct allocation {
	struct order_line line;
	struct batch *batch;      /* NULL: displaced, or out of stock */
	int64_t version;          /* of its line_allocated event: the higher, the more recent */
	bool displaced;           /* it lost its batch and waits to be allocated again */
	struct allocation *older; /* the next among its batch's lines, newest first */
	struct allocation *newer; /* the one before it there; or the next displaced line, oldest first */

	/* For the store: where the line is stored, and the product's list of changed lines. */
	struct batch *stored_batch; /* NULL: no batch holds it in the database */
	bool stored_displaced;      /* the database has it among the displaced lines */
	bool changed;
	struct allocation *next_changed;

	struct allocation *next_in_bucket;
};

struct batch {
	const char *reference;
	int32_t eta;          /* a day, or IN_WAREHOUSE */
	int32_t original_qty; /* as it was created */
	int32_t purchased;    /* as it is now: allocated <= purchased */
	int32_t allocated;
	int64_t changed_at; /* occurred_at of the last quantity change applied, or NO_INSTANT */

	/* The loaded lines, newest first.  All lines with a version of `lines_from` or higher are loaded. */
	struct allocation *newest;
	struct allocation *oldest_loaded;
	int64_t lines_from; /* 0: all lines are loaded */

	struct batch *next; /* in the product's order of preference */

	/* For the store. */
	int64_t key; /* the store's own, 0 until it has one */
	bool stored;
	bool changed;
};

/* What must be loaded after NEEDS_MORE.  A member that is zero or NULL asks for nothing. */
struct need {
	int32_t fitting;         /* batches with at least this much free stock, */
	struct preference after; /* beyond this place: */
	int32_t batches;         /* this many of them, or more */
	struct batch *lines_of;  /* the newest lines of this batch with a version below its `lines_from` */
	int32_t lines_qty;       /* that add up to at least this quantity, `move_max` lines at most */
	bool displaced;          /* the oldest displaced lines, `move_max` at most */
};

static inline bool need_is_any(const struct need *need)
{
	return need->fitting || need->lines_of || need->displaced;
}

/* A shrink too large for one unit of work: it continues until no line is displaced. */
struct shrink {
	struct batch *batch;
	int32_t target;          /* the batch's quantity after the shrink */
	const char *cause;       /* id of the command, or NULL; its events carry it */
	const char *traceparent; /* of the command, or NULL; its events carry it */
	bool all_displaced;      /* every displaced line is loaded */
};

#define LINE_BUCKETS 64

/* All batches with `fitting` or more free stock are loaded, up to the place `up_to`. */
struct stock_range {
	int32_t fitting;
	struct preference up_to;
};

struct product {
	const char *sku;
	int64_t version; /* number of its last event */
	int move_max;    /* lines that one step of a shrink moves at most */

	struct batch *batches; /* the loaded ones, in order of preference */
	struct stock_range *ranges;
	size_t range_count;

	struct shrink *shrink; /* one in progress, or NULL */
	struct allocation *oldest_displaced;
	struct allocation *newest_displaced;

	struct need need;     /* set with NEEDS_MORE */
	struct event *events; /* raised and not yet collected, oldest first */
	struct event *last_event;

	struct arena *arena;
	struct journal *journal;

	/* For the store. */
	int64_t key;      /* the store's own, 0 until it has one */
	int64_t revision; /* as loaded; 0: the product is new */
	int64_t last_row; /* the store's own: which row of the outbox has its last event; 0: none */
	int64_t next_row; /* the row that the unit's flush adds; 0: none */
	bool changed;
	bool shrink_stored;
	bool shrink_changed;
	bool contradicted; /* a line allocated as new turned out to be stored; what is in memory is wrong */
	struct allocation *changed_lines;
	struct allocation *lines[LINE_BUCKETS];
};

/*
 * Returns a product of which only the SKU is set.  One step of a shrink moves at most `move_max` lines; a
 * larger shrink needs several steps.  Arena and journal must outlive the product.
 */
struct product *product_new(struct arena *arena, struct journal *journal, const char *sku, int move_max);

/*
 * ---- what is stored is put in ----
 *
 * Parts that are in memory already stay as they are, because they may have changed since they were loaded.
 * After the last part the caller forgets the journal: loading is not part of a message's changes.
 */

/* Copies `kept`'s plain values and key; returns the product's batch of that reference. */
struct batch *product_put_batch(struct product *product, const struct batch *kept);

/* Returns the initial `lines_from` of a batch, before any of its lines is loaded. */
int64_t product_lines_from(const struct product *product, int32_t allocated);

/*
 * Adds a line that `batch` holds, or a displaced one if `batch` is NULL; in any order.  A line that was
 * allocated in memory as if it were new stays as it is, and the product is `contradicted`.  When the newest
 * lines of a batch were asked for, the caller lowers the batch's `lines_from` to where they end.
 */
struct allocation *product_put_line(struct product *product, struct batch *batch, const char *orderid,
				    int32_t qty, int64_t version);

/*
 * Records that all batches with `fitting` or more free stock (at least 1) have been put, up to the place
 * `up_to`.  For a new product that place is PREFERENCE_END.
 */
void product_put_range(struct product *product, int32_t fitting, struct preference up_to);

/* Copies `kept`, whose batch is one of the product's. */
void product_put_shrink(struct product *product, const struct shrink *kept);

/* Returns the row of the outbox that has the product's last event, once the unit is flushed; 0: none. */
int64_t product_last_row(const struct product *product);

#endif
