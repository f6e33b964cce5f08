/* A chunked bump allocator. */
#include "core/arena.h"

#include "core/must.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT _Alignof(max_align_t)

struct chunk {
	struct chunk *next;
	size_t size; /* of `bytes` */
	size_t used;
	_Alignas(max_align_t) unsigned char bytes[];
};

struct arena {
	struct chunk *current; /* the newest; older ones follow */
	size_t chunk_size;
	size_t footprint;
};

static void add_chunk(struct arena *arena, size_t size)
{
	struct chunk *chunk = must(malloc(sizeof *chunk + size));

	chunk->next = arena->current;
	chunk->size = size;
	chunk->used = 0;
	arena->current = chunk;
	arena->footprint += sizeof *chunk + size;
}

struct arena *arena_new(size_t chunk_size)
{
	struct arena *arena = must_alloc(sizeof *arena);

	arena->chunk_size = chunk_size;
	add_chunk(arena, chunk_size);
	return arena;
}

/* Frees every chunk but the first one. */
static void free_all_but_first(struct arena *arena)
{
	while (arena->current->next) {
		struct chunk *next = arena->current->next;

		arena->footprint -= sizeof *next + arena->current->size;
		free(arena->current);
		arena->current = next;
	}
}

void arena_free(struct arena **arena)
{
	if (!*arena)
		return;
	free_all_but_first(*arena);
	free((*arena)->current);
	free(*arena);
	*arena = NULL;
}

void arena_clear(struct arena *arena)
{
	free_all_but_first(arena);
	arena->current->used = 0;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	struct chunk *chunk = arena->current;
	size_t rounded = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
	void *memory;

	if (rounded < size)
		must(NULL);
	if (rounded > chunk->size - chunk->used) {
		add_chunk(arena, rounded > arena->chunk_size ? rounded : arena->chunk_size);
		chunk = arena->current;
	}
	memory = chunk->bytes + chunk->used;
	chunk->used += rounded;
	return memset(memory, 0, rounded);
}

void *arena_copy(struct arena *arena, const void *bytes, size_t size)
{
	void *copy = arena_alloc(arena, size);

	return size ? memcpy(copy, bytes, size) : copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return arena_copy(arena, text, strlen(text) + 1);
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	int length;
	char *text;

	va_start(args, format);
	/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start initialized it. */
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	text = arena_alloc(arena, (size_t)length + 1);
	va_start(args, format);
	vsnprintf(text, (size_t)length + 1, format, args);
	va_end(args);
	return text;
}

void *arena_grow(struct arena *arena, void *array, size_t count, size_t element_size)
{
	void *bigger;

	if (count && (count < 8 || (count & (count - 1))))
		return array;
	if (count > SIZE_MAX / 2 / element_size)
		must(NULL);
	bigger = arena_alloc(arena, (count < 8 ? 8 : 2 * count) * element_size);
	return count ? memcpy(bigger, array, count * element_size) : bigger;
}

size_t arena_footprint(const struct arena *arena)
{
	return arena->footprint;
}
