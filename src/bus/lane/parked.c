/* A list of parked SKUs, found by the hash of their names. */
#include "bus/lane/parked.h"

#include "core/base/hash.h"
#include "core/base/must.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_TRY_MS 50
#define CAP_MS       2000

static size_t bucket_of(const char *sku)
{
	return (size_t)hash_text(sku) % PARKED_BUCKETS;
}

struct parked *parked_find(const struct parked_list *list, const char *sku)
{
	struct parked *it = list->count ? list->buckets[bucket_of(sku)] : NULL;

	while (it && strcmp(it->sku, sku))
		it = it->next_in_bucket;
	return it;
}

struct parked *parked_add(struct parked_list *list, const char *sku, struct lane *home, int64_t now_ms)
{
	struct parked *parked = must_alloc(sizeof *parked), **bucket = &list->buckets[bucket_of(sku)];

	parked->sku = must(strdup(sku));
	parked->home = home;
	parked->since_ms = parked->try_at_ms = now_ms;
	parked->backoff = (struct backoff){.first_ms = FIRST_TRY_MS, .cap_ms = CAP_MS};
	parked->next = list->first;
	list->first = parked;
	parked->next_in_bucket = *bucket;
	*bucket = parked;
	list->count++;
	return parked;
}

struct parked *parked_first_due(const struct parked_list *list)
{
	struct parked *first = list->first;

	for (struct parked *it = first; it; it = it->next) {
		if (it->try_at_ms < first->try_at_ms)
			first = it;
	}
	return first;
}

void parked_remove(struct parked_list *list, struct parked *parked)
{
	struct parked **place = &list->first, **bucket = &list->buckets[bucket_of(parked->sku)];

	while (*place != parked)
		place = &(*place)->next;
	*place = parked->next;
	while (*bucket != parked)
		bucket = &(*bucket)->next_in_bucket;
	*bucket = parked->next_in_bucket;
	list->count--;
	delivery_queue_free(&parked->waiting);
	free(parked->sku);
	free(parked);
}
