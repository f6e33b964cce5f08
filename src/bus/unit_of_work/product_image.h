/*
 * What is known of a product, in one compact block of memory: for keeping many products while no unit of work
 * needs them.
 *
 * An image holds the product as it is once its changes are committed: key, numbers, batches, and how far its
 * stock is known.  Its lines and events are left behind.
 */
#ifndef ALLOCD_BUS_UNIT_OF_WORK_PRODUCT_IMAGE_H
#define ALLOCD_BUS_UNIT_OF_WORK_PRODUCT_IMAGE_H

#include "core/base/arena.h"
#include "core/journal.h"
#include "core/product.h"

struct product_image;

/*
 * Bytes of memory that the product's image takes; 0 for a product that is not worth one: whose shrink goes on
 * in steps, or with very many batches.
 */
size_t product_image_measure(const struct product *product);

/* Makes it, in so many bytes, aligned as for an int64_t. */
void product_image_write(struct product_image *image, const struct product *product);

/* The product as the image shows it; nothing of the image is used afterwards. */
struct product *product_image_restore(const struct product_image *image, struct arena *arena,
				      struct journal *journal, int move_max);

/* Valid as long as the image. */
const char *product_image_sku(const struct product_image *image);

/* As measured. */
size_t product_image_size(const struct product_image *image);

#endif
