/*
 * What product.c, which decides, shares with product_parts.c, which keeps a product's lists.
 */
#ifndef ALLOCD_CORE_PRODUCT_INTERNAL_H
#define ALLOCD_CORE_PRODUCT_INTERNAL_H

#include "core/product_repository.h"

/* Sets a field of the product or of its parts so that the journal can undo it. */
#define SET(product, field, value)                                                                           \
	(journal_keep((product)->journal, (product)->arena, &(field), sizeof(field)), (field) = (value))

/* Puts the batch in its place in the order of preference. */
void product_insert_batch(struct product *product, struct batch *batch);

/* What is known of the batches with `fitting` or more free stock, or NULL. */
struct stock_range *product_range(const struct product *product, int32_t fitting);

/* A line that no batch holds yet. */
struct allocation *product_add_line(struct product *product, const char *orderid, int32_t qty);

/* Puts the line among those of the batch, by its version. */
void product_link_line(struct product *product, struct batch *batch, struct allocation *allocation);
void product_unlink_newest_line(struct product *product, struct batch *batch);

/* Puts the line among the displaced ones, by its version. */
void product_displace(struct product *product, struct allocation *allocation);
void product_undisplace_oldest(struct product *product);

#endif
