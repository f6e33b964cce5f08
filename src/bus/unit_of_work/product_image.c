/*
 * An image is one block of memory: a head, the batches in order of preference, the ranges, and last the
 * texts, which are referred to by their offsets.
 */
#include "bus/unit_of_work/product_image.h"

#include "core/product_repository.h"

#include <string.h>

/* Above this count, batches without free stock are left out: no line can be allocated to them. */
#define FULL_BATCHES_MAX 32

/* If more batches than this remain, the product is not cached: most of the copy would never be read. */
#define BATCHES_MAX 64

#define NO_TEXT UINT32_MAX

struct batch_image {
	int64_t key, changed_at;
	int32_t eta, original_qty, purchased, allocated;
	uint32_t reference;
};

struct range_image {
	int32_t fitting, eta;
	uint32_t reference;
};

struct product_image {
	int64_t key, version, revision, last_row;
	uint32_t batches, ranges; /* counts */
	uint32_t texts;           /* bytes of all texts; the first text is the SKU */
	_Alignas(int64_t) unsigned char block[];
};

static const struct batch_image *batches_of(const struct product_image *image)
{
	return (const void *)image->block;
}

static const struct range_image *ranges_of(const struct product_image *image)
{
	return (const void *)(batches_of(image) + image->batches);
}

static const char *texts_of(const struct product_image *image)
{
	return (const void *)(ranges_of(image) + image->ranges);
}

const char *product_image_sku(const struct product_image *image)
{
	return texts_of(image);
}

size_t product_image_size(const struct product_image *image)
{
	return sizeof *image + image->batches * sizeof(struct batch_image) +
	       image->ranges * sizeof(struct range_image) + image->texts;
}

/* ---- writing an image ---- */

/* Whether batches without free stock are to be left out. */
static bool is_crowded(const struct product *product)
{
	int count = 0;

	for (const struct batch *it = product->batches; it && count <= FULL_BATCHES_MAX; it = it->next)
		count++;
	return count > FULL_BATCHES_MAX;
}

/* Returns the first batch to keep, from `batch` on, or NULL. */
static const struct batch *kept_from(const struct batch *batch, bool crowded)
{
	while (batch && crowded && !batch_free(batch))
		batch = batch->next;
	return batch;
}

static uint32_t text_size(const char *text)
{
	return text ? (uint32_t)strlen(text) + 1 : 0;
}

/* Fills in the image's head.  Returns false if the product is not worth caching. */
static bool make_head(const struct product *product, bool crowded, struct product_image *head)
{
	const struct batch *batch = kept_from(product->batches, crowded);

	if (product->shrink || product->oldest_displaced)
		return false;
	*head = (struct product_image){
		.key = product->key,
		.version = product->version,
		.revision = product->revision + product->changed, /* the flush increments it, too */
		.last_row = product_last_row(product),
		.ranges = (uint32_t)product->range_count,
		.texts = text_size(product->sku),
	};
	for (; batch; batch = kept_from(batch->next, crowded)) {
		head->batches++;
		head->texts += text_size(batch->reference);
	}
	for (size_t i = 0; i < product->range_count; i++)
		head->texts += text_size(product->ranges[i].up_to.reference);
	return head->batches <= BATCHES_MAX;
}

/* Writes texts, one after another. */
struct writer {
	char *texts;
	uint32_t used;
};

static uint32_t write_text(struct writer *writer, const char *text)
{
	uint32_t at = writer->used;

	if (!text)
		return NO_TEXT;
	memcpy(writer->texts + at, text, text_size(text));
	writer->used += text_size(text);
	return at;
}

static void write_batches(const struct product *product, bool crowded, struct batch_image *images,
			  struct writer *writer)
{
	const struct batch *batch = kept_from(product->batches, crowded);

	for (; batch; batch = kept_from(batch->next, crowded))
		*images++ = (struct batch_image){
			.key = batch->key,
			.changed_at = batch->changed_at,
			.eta = batch->eta,
			.original_qty = batch->original_qty,
			.purchased = batch->purchased,
			.allocated = batch->allocated,
			.reference = write_text(writer, batch->reference),
		};
}

static void write_ranges(const struct product *product, struct range_image *images, struct writer *writer)
{
	for (size_t i = 0; i < product->range_count; i++)
		images[i] = (struct range_image){
			.fitting = product->ranges[i].fitting,
			.eta = product->ranges[i].up_to.eta,
			.reference = write_text(writer, product->ranges[i].up_to.reference),
		};
}

size_t product_image_measure(const struct product *product)
{
	struct product_image head;

	return make_head(product, is_crowded(product), &head) ? product_image_size(&head) : 0;
}

void product_image_write(struct product_image *image, const struct product *product)
{
	bool crowded = is_crowded(product);
	struct batch_image *batches = (void *)image->block;
	struct range_image *ranges;
	struct writer writer = {0};

	make_head(product, crowded, image);
	ranges = (void *)(batches + image->batches);
	writer.texts = (void *)(ranges + image->ranges);
	write_text(&writer, product->sku);
	write_batches(product, crowded, batches, &writer);
	write_ranges(product, ranges, &writer);
}

/* ---- restoring a product ---- */

static const char *text_at(const char *texts, uint32_t at)
{
	return at == NO_TEXT ? NULL : texts + at;
}

static void restore_batches(const struct product_image *image, struct product *product, const char *texts)
{
	struct batch *batches = arena_alloc(product->arena, image->batches * sizeof *batches);

	for (uint32_t i = 0; i < image->batches; i++) {
		const struct batch_image *kept = &batches_of(image)[i];

		batches[i] = (struct batch){
			.reference = text_at(texts, kept->reference),
			.eta = kept->eta,
			.original_qty = kept->original_qty,
			.purchased = kept->purchased,
			.allocated = kept->allocated,
			.changed_at = kept->changed_at,
			.lines_from = product_lines_from(product, kept->allocated),
			.next = i + 1 < image->batches ? &batches[i + 1] : NULL,
			.key = kept->key,
			.stored = true,
		};
	}
	product->batches = image->batches ? batches : NULL;
}

static void restore_ranges(const struct product_image *image, struct product *product, const char *texts)
{
	for (uint32_t i = 0; i < image->ranges; i++) {
		const struct range_image *kept = &ranges_of(image)[i];

		product_put_range(product, kept->fitting,
				  (struct preference){kept->eta, text_at(texts, kept->reference)});
	}
}

struct product *product_image_restore(const struct product_image *image, struct arena *arena,
				      struct journal *journal, int move_max)
{
	const char *texts = arena_copy(arena, texts_of(image), image->texts);
	struct product *product = product_new(arena, journal, texts, move_max);

	product->key = image->key;
	product->version = image->version;
	product->revision = image->revision;
	product->last_row = image->last_row;
	restore_batches(image, product, texts);
	restore_ranges(image, product, texts);
	return product;
}
