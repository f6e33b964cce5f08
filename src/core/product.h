/*
 * The domain model: Product, the aggregate, its batches and the order lines they hold.  This header is what
 * handlers use; what a store puts in and reads out is in core/product_repository.h.
 *
 * A product in memory is a part of the product that is kept: the batches a unit of work named, the
 * first ones with free stock in order of preference, the lines its commands need.  Every decision
 * first asks whether that part is enough.  When it is not, the answer is NEEDS_MORE, the product's need says
 * what is missing, and the caller undoes the message, loads, and decides again.
 *
 * Everything a product owns comes from its arena; every change goes through its journal first.
 * Texts handed in must live as long as the product.
 */
#ifndef ALLOCD_CORE_PRODUCT_H
#define ALLOCD_CORE_PRODUCT_H

#include "core/base/calendar.h"
#include "core/message.h"
#include "core/verdict.h"

#include <stdbool.h>
#include <stdint.h>

/* How many lines one step of a shrink moves at most, unless the engine's configuration says otherwise. */
#define MOVE_MAX_DEFAULT 10000

/* A value: two lines with the same order, SKU and quantity are the same line. */
struct order_line {
	const char *orderid;
	const char *sku;
	int32_t qty;
};

struct product;
struct batch;
struct allocation; /* an order line that the product knows of, and the batch that holds it, if one does */

struct event {
	struct event *next;
	struct message message;
};

/* ---- decisions: ACCEPTED, skipped, rejected or NEEDS_MORE ---- */

enum verdict product_add_batch(struct product *product, const char *reference, int32_t qty, int32_t eta);

/* The product must have been asked for this line when it was loaded: see product_put_line(). */
enum verdict product_allocate(struct product *product, const struct order_line *line);

/*
 * The batch holds `qty` from now on.  Raises line_deallocated for every line that has no room any more; each
 * of them is displaced until product_reallocate_next().
 */
enum verdict product_change_quantity(struct product *product, struct batch *batch, int32_t qty,
				     int64_t occurred_at);

/*
 * Allocates the oldest displaced line, if there is one and no shrink continues in further steps.
 */
enum verdict product_reallocate_next(struct product *product);

/*
 * Takes the next step of the shrink: at most `move_max` lines are deallocated or reallocated.  After the last
 * step the product is not shrinking.  Each step is committed, and the product loaded anew, before the next
 * one.
 */
enum verdict product_continue_shrink(struct product *product);

/* ---- queries ---- */

const char *product_sku(const struct product *product);
int64_t product_version(const struct product *product); /* number of its last event, 0 before the first */
bool product_is_new(const struct product *product);     /* the store has none of that SKU yet */
bool product_has_changed(const struct product *product);

/*
 * Whether a line that was allocated as if it were new turned out to be stored: then what is in memory never
 * was, and all that was decided on it must be undone.
 */
bool product_is_contradicted(const struct product *product);

/* ---- queries: batches and lines, as far as they are loaded ---- */

/* In order of preference; NULL after the last one. */
const struct batch *product_first_batch(const struct product *product);
const struct batch *batch_next(const struct batch *batch);

struct batch *product_batch(const struct product *product, const char *reference);
const char *batch_reference(const struct batch *batch);
int32_t batch_purchased(const struct batch *batch);
int32_t batch_allocated(const struct batch *batch);
int32_t batch_free(const struct batch *batch);
bool batch_is_new(const struct batch *batch); /* the store has it not yet */
bool batch_has_changed(const struct batch *batch);

/* The lines that changed since they were loaded, in no order; NULL after the last one. */
const struct allocation *product_first_changed_line(const struct product *product);
const struct allocation *allocation_next_changed(const struct allocation *allocation);

struct allocation *product_line(const struct product *product, const char *orderid, int32_t qty);
const struct order_line *allocation_line(const struct allocation *allocation);
const struct batch *allocation_batch(const struct allocation *allocation); /* NULL: no batch holds it */
bool allocation_is_displaced(const struct allocation *allocation);

/* Whether it is in another batch than the store has it in, or is displaced or not unlike there. */
bool allocation_has_moved(const struct allocation *allocation);

/* ---- queries: a shrink too large for one unit of work continues until no line is displaced ---- */

struct shrink_progress {
	const char *batchref;
	int32_t target;          /* what the batch is to hold */
	const char *cause;       /* id of the command, or NULL */
	const char *traceparent; /* the command's, or NULL */
};

bool product_is_shrinking(const struct product *product);

/* Only while it is shrinking. */
struct shrink_progress product_shrink_progress(const struct product *product);

/* Events of further steps carry this id and traceparent of the command.  Only while it is shrinking. */
void product_set_shrink_cause(struct product *product, const char *cause, const char *traceparent);

/* ---- events ---- */

/*
 * Returns the events raised since the last call, oldest first.  All events of a message are collected before
 * the next message is handled; those of a message that is undone are gone, collected or not.
 */
struct event *product_collect_events(struct product *product);

#endif
