/*
 * The domain model: Product, the aggregate, its batches and the order lines they hold.  Handlers use this
 * header; stores use core/product_repository.h to fill and read a product.
 *
 * A product in memory is a part of the stored product: the batches that a unit of work names, the
 * first batches with free stock in order of preference, and the lines its commands need.  Every decision
 * first checks whether that part suffices.  If not, it returns NEEDS_MORE and describes in the product's need
 * what is missing; the caller undoes the message, loads, and decides again.
 *
 * Everything a product owns is allocated from its arena; every change is journaled first.
 * Texts passed to it must live as long as the product.
 */
#ifndef ALLOCD_CORE_PRODUCT_H
#define ALLOCD_CORE_PRODUCT_H

#include "core/base/calendar.h"
#include "core/message.h"
#include "core/verdict.h"

#include <stdbool.h>
#include <stdint.h>

/* The most lines that one step of a shrink moves, unless the engine is configured otherwise. */
#define MOVE_MAX_DEFAULT 10000

/* A value: two lines with the same order, SKU and quantity are the same line. */
struct order_line {
	const char *orderid;
	const char *sku;
	int32_t qty;
};

struct product;
struct batch;
struct allocation; /* an order line in the product, and the batch that holds it, if any */

struct event {
	struct event *next;
	struct message message;
};

/* ---- decisions: ACCEPTED, skipped, rejected or NEEDS_MORE ---- */

enum verdict product_add_batch(struct product *product, const char *reference, int32_t qty, int32_t eta);

/* The line must have been looked up by the load, or be assumed new: see product_is_contradicted(). */
enum verdict product_allocate(struct product *product, const struct order_line *line);

/*
 * The line gives its stock back, or leaves the warehouse with it.  Skipped if no batch holds the line, which
 * must have been looked up by the load.
 */
enum verdict product_deallocate(struct product *product, const struct order_line *line);
enum verdict product_ship(struct product *product, const struct order_line *line);

/*
 * Sets the batch's quantity to `qty`, or begins a shrink if more than `move_max` lines no longer fit.  Raises
 * line_deallocated for each line that is displaced until it is allocated again.
 */
enum verdict product_change_quantity(struct product *product, struct batch *batch, int32_t qty,
				     int64_t occurred_at);

/* Allocates the oldest displaced line, if there is one and no shrink is in progress. */
enum verdict product_reallocate_next(struct product *product);

/*
 * Executes the next step of the shrink, which deallocates or reallocates at most `move_max` lines.  After the
 * last step the product is no longer shrinking.  The caller commits each step, and loads the product anew,
 * before the next one.
 */
enum verdict product_continue_shrink(struct product *product);

/* ---- queries ---- */

const char *product_sku(const struct product *product);
int64_t product_version(const struct product *product); /* number of its last event, 0 before the first */
bool product_is_new(const struct product *product);     /* it is not stored yet */
bool product_has_changed(const struct product *product);

/*
 * Whether a line that was allocated as if it were new turned out to be stored: then the product in memory is
 * wrong, and every decision that is based on it must be undone.
 */
bool product_is_contradicted(const struct product *product);

/* ---- queries: batches and lines, as far as they are loaded ---- */

/* Iterate over the batches in order of preference; NULL follows the last one. */
const struct batch *product_first_batch(const struct product *product);
const struct batch *batch_next(const struct batch *batch);

struct batch *product_batch(const struct product *product, const char *reference);
const char *batch_reference(const struct batch *batch);
int32_t batch_purchased(const struct batch *batch);
int32_t batch_allocated(const struct batch *batch);
int32_t batch_free(const struct batch *batch);
bool batch_is_new(const struct batch *batch); /* the batch is not stored yet */
bool batch_has_changed(const struct batch *batch);

/* Iterate over the lines that changed since they were loaded, in no order; NULL follows the last one. */
const struct allocation *product_first_changed_line(const struct product *product);
const struct allocation *allocation_next_changed(const struct allocation *allocation);

struct allocation *product_line(const struct product *product, const char *orderid, int32_t qty);
const struct order_line *allocation_line(const struct allocation *allocation);
const struct batch *allocation_batch(const struct allocation *allocation); /* NULL: no batch holds it */
bool allocation_is_displaced(const struct allocation *allocation);

/* Whether its batch, or whether it is displaced, differs from what is stored. */
bool allocation_has_moved(const struct allocation *allocation);

/* ---- queries: a shrink too large for one unit of work continues until no line is displaced ---- */

struct shrink_progress {
	const char *batchref;
	int32_t target;          /* the batch's quantity after the shrink */
	const char *cause;       /* id of the command that shrank the batch, or NULL */
	const char *traceparent; /* traceparent of that command, or NULL */
};

bool product_is_shrinking(const struct product *product);

/* The product must be shrinking. */
struct shrink_progress product_shrink_progress(const struct product *product);

/* Sets the command's id and traceparent for the events of later steps.  The product must be shrinking. */
void product_set_shrink_cause(struct product *product, const char *cause, const char *traceparent);

/* ---- events ---- */

/*
 * Returns the events raised since the last call, oldest first.  The caller collects all events of a message
 * before the next message is handled; undoing a message discards its events, collected or not.
 */
struct event *product_collect_events(struct product *product);

#endif
