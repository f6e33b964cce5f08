/*
 * Loads products from flat lists, never more of them than it is asked to, and writes what changed back by
 * the marks that a product carries for its repository.
 */
#ifndef ALLOCD_TESTS_CORE_REPOSITORY_H
#define ALLOCD_TESTS_CORE_REPOSITORY_H

#include "core/product_repository.h"
#include "support/flat.h"

/* Loads the product and its shrink, without batches and lines. */
struct product *repository_load(struct flat *kept, struct arena *arena, struct journal *journal,
				int move_max);

/* Each of these loads one thing that a command names, if it exists. */
void repository_load_batch(struct flat *kept, struct product *product, const char *reference);
void repository_load_line(struct flat *kept, struct product *product, const char *orderid, int32_t qty);

/* Loads the newest lines of a loaded batch that are not loaded yet, `max` at most. */
void repository_load_newest_lines(struct flat *kept, struct product *product, struct batch *batch, int max);

/* Loads the next `max` batches after that place with that much free stock. */
void repository_load_range(struct flat *kept, struct product *product, int32_t fitting,
			   struct preference after, int max);

/* Loads what the product's `need` asks for; where it sets no bound, `max` at a time. */
void repository_load_need(struct flat *kept, struct product *product, int max);

/* Writes what changed; fails the test if the marks contradict what is kept. */
void repository_flush(struct flat *kept, struct product *product);

#endif
