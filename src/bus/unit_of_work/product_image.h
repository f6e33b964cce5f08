/*
 * A product in one compact block of memory, so that many products can be cached between units of work.
 *
 * An image holds the product as it is once its changes are committed: key, version, revision, batches, and
 * which part of its stock is loaded.  It has no lines and no events.
 */
#ifndef ALLOCD_BUS_UNIT_OF_WORK_PRODUCT_IMAGE_H
#define ALLOCD_BUS_UNIT_OF_WORK_PRODUCT_IMAGE_H

#include "core/base/arena.h"
#include "core/journal.h"
#include "core/product.h"

struct product_image;

/*
 * Returns the image's size in bytes; 0 for a product that is not worth caching, because it has a shrink in
 * progress or very many batches.
 */
size_t product_image_measure(const struct product *product);

/* Writes the image into memory of the measured size, aligned for an int64_t. */
void product_image_write(struct product_image *image, const struct product *product);

/* Restores the product, which shares no memory with the image. */
struct product *product_image_restore(const struct product_image *image, struct arena *arena,
				      struct journal *journal, int move_max);

/* Returns the SKU, valid as long as the image. */
const char *product_image_sku(const struct product_image *image);

/* Returns the size in bytes, as measured. */
size_t product_image_size(const struct product_image *image);

#endif
