/* Queries of a product, its batches and its lines. */
#include "core/product_repository.h"

const char *product_sku(const struct product *product)
{
	return product->sku;
}

int64_t product_version(const struct product *product)
{
	return product->version;
}

bool product_is_new(const struct product *product)
{
	return !product->revision;
}

bool product_has_changed(const struct product *product)
{
	return product->changed;
}

bool product_is_contradicted(const struct product *product)
{
	return product->contradicted;
}

const struct batch *product_first_batch(const struct product *product)
{
	return product->batches;
}

const struct batch *batch_next(const struct batch *batch)
{
	return batch->next;
}

const char *batch_reference(const struct batch *batch)
{
	return batch->reference;
}

int32_t batch_purchased(const struct batch *batch)
{
	return batch->purchased;
}

int32_t batch_allocated(const struct batch *batch)
{
	return batch->allocated;
}

bool batch_is_new(const struct batch *batch)
{
	return !batch->stored;
}

bool batch_has_changed(const struct batch *batch)
{
	return batch->changed;
}

const struct allocation *product_first_changed_line(const struct product *product)
{
	return product->changed_lines;
}

const struct allocation *allocation_next_changed(const struct allocation *allocation)
{
	return allocation->next_changed;
}

const struct order_line *allocation_line(const struct allocation *allocation)
{
	return &allocation->line;
}

const struct batch *allocation_batch(const struct allocation *allocation)
{
	return allocation->batch;
}

bool allocation_is_displaced(const struct allocation *allocation)
{
	return allocation->displaced;
}

bool allocation_has_moved(const struct allocation *allocation)
{
	return allocation->batch != allocation->stored_batch ||
	       allocation->displaced != allocation->stored_displaced;
}

bool product_is_shrinking(const struct product *product)
{
	return product->shrink;
}

struct shrink_progress product_shrink_progress(const struct product *product)
{
	const struct shrink *shrink = product->shrink;

	return (struct shrink_progress){shrink->batch->reference, shrink->target, shrink->cause,
					shrink->traceparent};
}
