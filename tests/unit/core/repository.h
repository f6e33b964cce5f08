/*
 * Loads products from flat lists, never more of them than it is asked to, and writes what changed back by
 * the marks that a product carries for its repository.
 */
#ifndef ALLOCD_TESTS_CORE_REPOSITORY_H
#define ALLOCD_TESTS_CORE_REPOSITORY_H

#include "core/product_repository.h"
#include "support/flat.h"

/* The product and its shrink, no batch and no line else. */
struct product *repository_load(struct flat *kept, struct arena *arena, struct journal *journal,
				int move_max);

/* Each of these brings one thing that a command names; nothing when it is not there. */
void repository_load_batch(struct flat *kept, struct product *product, const char *reference);
void repository_load_line(struct flat *kept, struct product *product, const char *orderid, int32_t qty);

/* The newest lines of a loaded batch that are not loaded yet, `max` at most. */
void repository_load_newest_lines(struct flat *kept, struct product *product, struct batch *batch, int max);

/* The next `max` batches after that place with that much free stock. */
void repository_load_range(struct flat *kept, struct product *product, int32_t fitting,
			   struct preference after, int max);

/* What the product's `need` says; of what it does not bound, `max` at a time. */
void repository_load_need(struct flat *kept, struct product *product, int max);

/* Writes what changed, and fails the test when the marks do not fit what is kept. */
void repository_flush(struct flat *kept, struct product *product);

#endif
