/* Shared by product.c, which makes the decisions, and product_parts.c, which maintains a product's lists. */
#ifndef ALLOCD_CORE_PRODUCT_INTERNAL_H
#define ALLOCD_CORE_PRODUCT_INTERNAL_H

#include "core/product_repository.h"

/* Sets a field of the product or of its parts so that the journal can undo it. */
#define SET(product, field, value)                                                                           \
	(journal_keep((product)->journal, &(field), sizeof(field)), (field) = (value))

/* Inserts the batch in order of preference. */
void product_insert_batch(struct product *product, struct batch *batch);

/* Returns the range that records how far batches with `fitting` or more free stock are loaded, or NULL. */
struct stock_range *product_range(const struct product *product, int32_t fitting);

/* Adds a line that no batch holds yet. */
struct allocation *product_add_line(struct product *product, const char *orderid, int32_t qty);

/* Inserts the line into the batch's lines, ordered by version. */
void product_link_line(struct product *product, struct batch *batch, struct allocation *allocation);
void product_unlink_line(struct product *product, struct batch *batch, struct allocation *allocation);

/* Inserts the line into the displaced lines, ordered by version. */
void product_displace(struct product *product, struct allocation *allocation);
void product_undisplace_oldest(struct product *product);

#endif
