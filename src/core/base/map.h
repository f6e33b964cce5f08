/*
 * A hash map from text to pointer.  Keys are not copied and must live as long as the map; memory comes
 * from the arena, so a map is never freed by itself.  Nothing is ever removed.
 */
#ifndef ALLOCD_CORE_BASE_MAP_H
#define ALLOCD_CORE_BASE_MAP_H

#include "core/base/arena.h"

#include <stddef.h>
#include <stdint.h>

struct map {
	struct arena *arena;
	struct map_slot *slots;
	size_t capacity;
	size_t count;
};

struct map_slot {
	const char *key; /* NULL: the slot is free */
	uint64_t hash;
	void *value;
};

void map_init(struct map *map, struct arena *arena);

/* Returns the key's value, or NULL if the map has no such key. */
void *map_get(const struct map *map, const char *key);

/*
 * Where the key's value is, until the next key is added.  A key that the map did not have is added; its value
 * is NULL, and the caller sets another one.
 */
void **map_place(struct map *map, const char *key);

/* Adds the key or replaces its value; `value` must not be NULL. */
void map_put(struct map *map, const char *key, void *value);

#endif
