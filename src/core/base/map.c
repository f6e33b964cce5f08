/* The map uses open addressing with linear probing and is at most half full. */
#include "core/base/map.h"

#include "core/base/hash.h"

#include <stdbool.h>
#include <string.h>

void map_init(struct map *map, struct arena *arena)
{
	*map = (struct map){.arena = arena};
}

static bool is_key(const struct map_slot *slot, const char *key, uint64_t hash)
{
	return slot->hash == hash && !strcmp(slot->key, key);
}

static struct map_slot *slot_of(const struct map *map, const char *key, uint64_t hash)
{
	size_t at = (size_t)hash & (map->capacity - 1);

	while (map->slots[at].key && !is_key(&map->slots[at], key, hash))
		at = (at + 1) & (map->capacity - 1);
	return &map->slots[at];
}

static void grow(struct map *map)
{
	struct map old = *map;

	map->capacity = old.capacity ? 2 * old.capacity : 32;
	map->slots = arena_alloc(map->arena, map->capacity * sizeof *map->slots);
	for (size_t i = 0; i < old.capacity; i++) {
		const struct map_slot *slot = &old.slots[i];

		if (slot->key)
			*slot_of(map, slot->key, slot->hash) = *slot;
	}
}

void *map_get(const struct map *map, const char *key)
{
	return map->capacity ? slot_of(map, key, hash_text(key))->value : NULL;
}

void **map_place(struct map *map, const char *key)
{
	uint64_t hash = hash_text(key);
	struct map_slot *slot;

	if (2 * (map->count + 1) > map->capacity)
		grow(map);
	slot = slot_of(map, key, hash);
	if (!slot->key) {
		slot->key = key;
		slot->hash = hash;
		map->count++;
	}
	return &slot->value;
}

void map_put(struct map *map, const char *key, void *value)
{
	*map_place(map, key) = value;
}
