/*
 * A product as a store loads and writes it, for the tests of stores and of what caches products.
 *
 * Tests read a product through the queries of core/product.h; these functions are for what only a store sees
 * of it.  The source file of this header alone, besides core's own tests, knows the layout of a product.
 */
#ifndef ALLOCD_TESTS_STORED_PRODUCT_H
#define ALLOCD_TESTS_STORED_PRODUCT_H

#include "core/base/arena.h"
#include "core/journal.h"
#include "core/product.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- what a store has loaded ---- */

/* What the row of a batch holds, and the version from which on its lines are loaded. */
struct stored_batch {
	int64_t key;
	const char *reference;
	int32_t eta;
	int32_t original_qty;
	int32_t purchased;
	int32_t allocated;
	int64_t changed_at;
	int64_t lines_from; /* 0: all lines are loaded */
};

struct stored_batch stored_batch(const struct batch *batch);

int64_t stored_key(const struct product *product);
int64_t stored_revision(const struct product *product);
int64_t stored_last_row(const struct product *product);

/* Returns the references of the loaded batches, in their order, separated by spaces. */
const char *stored_references(const struct product *product);

/* Returns the batch up to which all batches with `qty` free are loaded; NULL: there are no others. */
const char *stored_up_to(const struct product *product, int32_t qty);

/* The loaded lines of a batch, newest first: there must be more than `i`. */
size_t stored_line_count(const struct batch *batch);
const char *stored_line_orderid(const struct batch *batch, size_t i);
int64_t stored_line_version(const struct batch *batch, size_t i);

/* Returns the batch whose newest lines, of at least `*qty` in all, must be loaded next; NULL: none. */
const struct batch *stored_lines_needed(const struct product *product, int32_t *qty);

/* ---- what a store puts into a product ---- */

/* Returns a product that is stored with this key, version and revision. */
struct product *stored_product(struct arena *arena, struct journal *journal, const char *sku, int64_t key,
			       int64_t version, int64_t revision);

/* Adds the batch; its `lines_from` is ignored. */
void stored_put_batch(struct product *product, const struct stored_batch *stored);

/* Records that all batches with `fitting` or more free stock were added, up to this one; NULL: no others. */
void stored_put_range(struct product *product, int32_t fitting, const char *reference);

/* The flush of the product's last events gave their row of the outbox this key. */
void stored_put_next_row(struct product *product, int64_t key);

/* Puts a shrink to nothing of this batch, which may be NULL, in progress. */
void stored_put_shrink(struct product *product, struct batch *batch);

/* ---- what handlers never do ---- */

/* Lets the next load of the unit load the batches with free stock again. */
void stored_need_stock(struct product *product);

/* Sets both quantities without any check. */
void stored_corrupt_batch(struct batch *batch, int32_t purchased, int32_t allocated);

#endif
