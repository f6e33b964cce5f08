/* A chained hash of unfinished create_batch commands, and a set-associative cache of stored batches. */
#include "bus/unit_of_work/batch_index.h"

#include "core/base/hash.h"
#include "core/base/map.h"
#include "core/base/must.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS    1024
#define CACHE_WAYS 4

/* Longer texts are not cached: their batches are looked up in the database each time. */
#define CACHED_TEXT_SIZE 64

struct cache_slot {
	char reference[CACHED_TEXT_SIZE]; /* empty: free */
	char sku[CACHED_TEXT_SIZE];
};

struct batch_index {
	struct delivery *creations[BUCKETS]; /* newest first */

	/* Batches remembered since batch_index_watch(); used only until batch_index_unwatch(). */
	bool watching;
	struct arena *arena;
	struct map recent;

	size_t sets;
	struct cache_slot cache[][CACHE_WAYS]; /* most recently cached first */
};

struct batch_index *batch_index_new(size_t cached)
{
	size_t sets = (cached + CACHE_WAYS - 1) / CACHE_WAYS;
	struct batch_index *index = must_alloc(sizeof *index + sets * sizeof *index->cache);

	index->sets = sets;
	index->arena = arena_new(1024);
	return index;
}

void batch_index_free(struct batch_index **index)
{
	if (!*index)
		return;
	arena_free(&(*index)->arena);
	free(*index);
	*index = NULL;
}

void batch_index_add_creation(struct batch_index *index, struct delivery *creation)
{
	struct delivery **bucket = &index->creations[hash_text(creation->batchref) % BUCKETS];

	creation->next_creation = *bucket;
	*bucket = creation;
}

void batch_index_remove_creation(struct batch_index *index, struct delivery *creation)
{
	struct delivery **place = &index->creations[hash_text(creation->batchref) % BUCKETS];

	while (*place && *place != creation)
		place = &(*place)->next_creation;
	if (*place)
		*place = creation->next_creation;
}

/* Returns the index of the reference's slot in its set, or the last index if the reference is not cached. */
static int way_of(const struct cache_slot *set, const char *reference)
{
	int way = 0;

	while (way < CACHE_WAYS - 1 && strcmp(set[way].reference, reference))
		way++;
	return way;
}

void batch_index_remember(struct batch_index *index, const char *reference, const char *sku)
{
	struct cache_slot *set = index->cache[hash_text(reference) % index->sets];

	if (index->watching)
		map_put(&index->recent, arena_strdup(index->arena, reference),
			arena_strdup(index->arena, sku));
	if (strlen(reference) >= CACHED_TEXT_SIZE || strlen(sku) >= CACHED_TEXT_SIZE)
		return;
	memmove(set + 1, set, (size_t)way_of(set, reference) * sizeof *set);
	memcpy(set->reference, reference, strlen(reference) + 1);
	memcpy(set->sku, sku, strlen(sku) + 1);
}

void batch_index_watch(struct batch_index *index)
{
	batch_index_unwatch(index);
	index->watching = true;
	map_init(&index->recent, index->arena);
}

void batch_index_unwatch(struct batch_index *index)
{
	index->watching = false;
	arena_clear(index->arena);
}

const char *batch_index_stored(const struct batch_index *index, const char *reference)
{
	const struct cache_slot *set = index->cache[hash_text(reference) % index->sets];
	const struct cache_slot *slot = &set[way_of(set, reference)];
	const char *sku = index->watching ? map_get(&index->recent, reference) : NULL;

	if (!sku && !strcmp(slot->reference, reference))
		sku = slot->sku;
	return sku;
}

const char *batch_index_created(const struct batch_index *index, const char *reference)
{
	const struct delivery *creation = index->creations[hash_text(reference) % BUCKETS];
	const char *sku = NULL;

	/* The list is newest first, so the last match is the oldest command: the one that will succeed. */
	for (; creation; creation = creation->next_creation) {
		if (!strcmp(creation->batchref, reference))
			sku = creation->sku;
	}
	return sku;
}
