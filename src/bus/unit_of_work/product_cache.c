/* A chained hash table by SKU, whose entries are also linked in order of use. */
#include "bus/unit_of_work/product_cache.h"

#include "bus/unit_of_work/product_image.h"
#include "core/base/hash.h"
#include "core/base/must.h"
#include "core/product_repository.h"

#include <stdlib.h>
#include <string.h>

/* The bucket count is the power of two that gives a bucket this many bytes or less: chains stay short. */
#define BYTES_PER_BUCKET 512

/* The C library's approximate overhead per block, in bytes. */
#define MALLOC_OVERHEAD 16

struct entry {
	struct entry *next; /* in its bucket */
	struct entry *newer, *older;
	_Alignas(int64_t) unsigned char image[]; /* a struct product_image */
};

struct product_cache {
	struct entry **buckets;
	size_t bucket_count;
	struct entry *newest, *oldest; /* in order of use */
	size_t bytes, bytes_max;
};

struct product_cache *product_cache_new(size_t bytes_max)
{
	struct product_cache *cache = must_alloc(sizeof *cache);

	cache->bytes_max = bytes_max;
	cache->bucket_count = 1;
	while (cache->bucket_count < bytes_max / BYTES_PER_BUCKET)
		cache->bucket_count *= 2;
	cache->buckets = must_alloc(cache->bucket_count * sizeof(struct entry *));
	return cache;
}

void product_cache_free(struct product_cache **cache)
{
	if (!*cache)
		return;
	product_cache_clear(*cache);
	free((*cache)->buckets);
	free(*cache);
	*cache = NULL;
}

static const struct product_image *image_of(const struct entry *entry)
{
	return (const void *)entry->image;
}

/* ---- look-up ---- */

static struct entry **place_of(const struct product_cache *cache, const char *sku)
{
	struct entry **place = &cache->buckets[hash_text(sku) & (cache->bucket_count - 1)];

	while (*place && strcmp(product_image_sku(image_of(*place)), sku))
		place = &(*place)->next;
	return place;
}

/* ---- the order of use ---- */

static void take_out(struct product_cache *cache, const struct entry *entry)
{
	*(entry->newer ? &entry->newer->older : &cache->newest) = entry->older;
	*(entry->older ? &entry->older->newer : &cache->oldest) = entry->newer;
}

static void put_first(struct product_cache *cache, struct entry *entry)
{
	entry->newer = NULL;
	entry->older = cache->newest;
	*(cache->newest ? &cache->newest->newer : &cache->oldest) = entry;
	cache->newest = entry;
}

static void use(struct product_cache *cache, struct entry *entry)
{
	take_out(cache, entry);
	put_first(cache, entry);
}

/* ---- adding and dropping ---- */

static size_t bytes_of(const struct entry *entry)
{
	return sizeof *entry + product_image_size(image_of(entry)) + MALLOC_OVERHEAD;
}

static void drop(struct product_cache *cache, struct entry **place)
{
	struct entry *entry = *place;

	*place = entry->next;
	take_out(cache, entry);
	cache->bytes -= bytes_of(entry);
	free(entry);
}

static void add(struct product_cache *cache, struct entry **place, const struct product *product, size_t size)
{
	struct entry *entry = must_alloc(sizeof *entry + size);

	product_image_write((void *)entry->image, product);
	entry->next = *place;
	*place = entry;
	put_first(cache, entry);
	cache->bytes += bytes_of(entry);
}

/* Usually the image's size has not changed, and it is overwritten in place. */
static void replace(struct product_cache *cache, struct entry **place, const struct product *product,
		    size_t size)
{
	struct entry *entry = *place;

	if (size == product_image_size(image_of(entry))) {
		product_image_write((void *)entry->image, product);
		use(cache, entry);
		return;
	}
	drop(cache, place);
	add(cache, place, product, size);
}

static void keep(struct product_cache *cache, const struct product *product)
{
	size_t size = product_image_measure(product);
	struct entry **place = place_of(cache, product->sku);

	if (*place && size)
		replace(cache, place, product, size);
	else if (*place)
		drop(cache, place);
	else if (size)
		add(cache, place, product, size);
}

void product_cache_recall(struct product_cache *cache, struct unit_of_work *uow)
{
	for (size_t i = 0; i < uow->product_count; i++) {
		struct product_slot *slot = uow->products[i];
		struct entry *entry = *place_of(cache, slot->sku);

		if (!entry || slot->loaded)
			continue;
		slot->product =
			product_image_restore(image_of(entry), uow->arena, &uow->journal, uow->move_max);
		slot->loaded = true;
		use(cache, entry);
	}
}

void product_cache_keep(struct product_cache *cache, const struct unit_of_work *uow)
{
	for (size_t i = 0; i < uow->product_count; i++) {
		if (uow->products[i]->product)
			keep(cache, uow->products[i]->product);
	}
	while (cache->bytes > cache->bytes_max)
		drop(cache, place_of(cache, product_image_sku(image_of(cache->oldest))));
}

void product_cache_forget(struct product_cache *cache, const struct unit_of_work *uow)
{
	for (size_t i = 0; i < uow->product_count; i++) {
		struct entry **place = place_of(cache, uow->products[i]->sku);

		if (*place)
			drop(cache, place);
	}
}

void product_cache_clear(struct product_cache *cache)
{
	while (cache->oldest)
		drop(cache, place_of(cache, product_image_sku(image_of(cache->oldest))));
}
