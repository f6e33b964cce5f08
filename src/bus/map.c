/* Open addressing with linear probing, at most half full. */
#include "bus/map.h"

#include "core/partition.h"

#include <string.h>

void map_init(struct map *map, struct arena *arena)
{
	*map = (struct map){.arena = arena};
}

static struct map_slot *slot_of(const struct map *map, const char *key)
{
	uint64_t hash = fnv1a(FNV_BASIS, key, strlen(key));
	size_t at = (size_t)(hash ^ (hash >> 32)) & (map->capacity - 1);

	while (map->slots[at].key && strcmp(map->slots[at].key, key))
		at = (at + 1) & (map->capacity - 1);
	return &map->slots[at];
}

static void grow(struct map *map)
{
	struct map old = *map;

	map->capacity = old.capacity ? 2 * old.capacity : 32;
	map->slots = arena_alloc(map->arena, map->capacity * sizeof *map->slots);
	for (size_t i = 0; i < old.capacity; i++) {
		if (old.slots[i].key)
			*slot_of(map, old.slots[i].key) = old.slots[i];
	}
}

void *map_get(const struct map *map, const char *key)
{
	return map->capacity ? slot_of(map, key)->value : NULL;
}

void map_put(struct map *map, const char *key, void *value)
{
	struct map_slot *slot;

	if (2 * (map->count + 1) > map->capacity)
		grow(map);
	slot = slot_of(map, key);
	if (!slot->key) {
		slot->key = key;
		map->count++;
	}
	slot->value = value;
}
