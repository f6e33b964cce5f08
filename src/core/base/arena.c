/* A chunked bump allocator. */
#include "core/base/arena.h"

#include "core/base/must.h"

#include <assert.h>
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

/* The arena is stored at the beginning of its first chunk. */
struct arena {
	struct chunk *current; /* the newest; older ones follow */
	struct chunk *spare;   /* kept by arena_clear() */
	size_t chunk_size;
	size_t footprint;
};

static size_t round_up(size_t size)
{
	size_t rounded = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);

	if (rounded < size)
		must(NULL);
	return rounded;
}

#define ARENA_SIZE round_up(sizeof(struct arena))

static struct chunk *chunk_new(size_t size)
{
	struct chunk *chunk = must(malloc(sizeof *chunk + size));

	*chunk = (struct chunk){.size = size};
	return chunk;
}

static size_t weight(const struct chunk *chunk)
{
	return sizeof *chunk + chunk->size;
}

struct arena *arena_new(size_t chunk_size)
{
	size_t size = round_up(chunk_size);
	struct chunk *first = chunk_new(ARENA_SIZE + size);
	struct arena *arena = (struct arena *)(void *)first->bytes;

	first->used = ARENA_SIZE;
	*arena = (struct arena){.current = first, .chunk_size = size, .footprint = weight(first)};
	return arena;
}

/* Unlinks and returns a spare chunk of at least `size` bytes, or returns NULL. */
static struct chunk *reuse_spare(struct arena *arena, size_t size)
{
	struct chunk **place = &arena->spare, *chunk;

	while (*place && (*place)->size < size)
		place = &(*place)->next;
	chunk = *place;
	if (chunk)
		*place = chunk->next;
	return chunk;
}

static void add_chunk(struct arena *arena, size_t size)
{
	struct chunk *chunk = reuse_spare(arena, size);

	if (!chunk) {
		chunk = chunk_new(size);
		arena->footprint += weight(chunk);
	}
	chunk->used = 0;
	chunk->next = arena->current;
	arena->current = chunk;
}

static struct chunk *pop(struct chunk **list)
{
	struct chunk *chunk = *list;

	if (chunk)
		*list = chunk->next;
	return chunk;
}

static void free_all(struct chunk *list)
{
	for (struct chunk *chunk; (chunk = pop(&list));)
		free(chunk);
}

/* The oldest chunk, which holds the arena itself, is freed last. */
void arena_free(struct arena **arena)
{
	if (!*arena)
		return;
	free_all((*arena)->spare);
	free_all((*arena)->current);
	*arena = NULL;
}

/* Keeps the chunk as a spare, or frees it while the arena holds more than ARENA_KEEP bytes. */
static void put_aside(struct arena *arena, struct chunk *chunk)
{
	if (arena->footprint > ARENA_KEEP) {
		arena->footprint -= weight(chunk);
		free(chunk);
		return;
	}
	chunk->next = arena->spare;
	arena->spare = chunk;
}

void arena_clear(struct arena *arena)
{
	while (arena->current->next)
		put_aside(arena, pop(&arena->current));
	arena->current->used = ARENA_SIZE;
}

static size_t room(const struct chunk *chunk)
{
	return chunk->size - chunk->used;
}

void *arena_reserve(struct arena *arena, size_t size)
{
	size_t rounded = round_up(size);
	void *memory;

	if (rounded > room(arena->current))
		add_chunk(arena, rounded > arena->chunk_size ? rounded : arena->chunk_size);
	memory = arena->current->bytes + arena->current->used;
	arena->current->used += rounded;
	return memory;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	return memset(arena_reserve(arena, size), 0, size);
}

void *arena_copy(struct arena *arena, const void *bytes, size_t size)
{
	void *copy = arena_reserve(arena, size);

	return size ? memcpy(copy, bytes, size) : copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return arena_copy(arena, text, strlen(text) + 1);
}

const char **arena_strdup_all(struct arena *arena, const char *const *texts, size_t count)
{
	const char **copies = arena_alloc(arena, (count + 1) * sizeof *copies);

	for (size_t i = 0; i < count; i++)
		copies[i] = arena_strdup(arena, texts[i]);
	return copies;
}

char *arena_text(struct arena *arena, const char *bytes, size_t length)
{
	char *text = arena_reserve(arena, length + 1);

	memcpy(text, bytes, length);
	text[length] = '\0';
	return text;
}

char *arena_join(struct arena *arena, const char *const texts[], size_t count, char between)
{
	size_t lengths[ARENA_JOIN_MAX], size = 0;
	char *joined, *at;

	assert(count && count <= ARENA_JOIN_MAX);
	for (size_t i = 0; i < count; i++) {
		lengths[i] = strlen(texts[i]);
		size += lengths[i] + 1;
	}
	joined = at = arena_reserve(arena, size);
	for (size_t i = 0; i < count; i++) {
		memcpy(at, texts[i], lengths[i]);
		at += lengths[i];
		*at++ = between;
	}
	at[-1] = '\0';
	return joined;
}

/* Prints into the rest of the current chunk, where most texts fit; prints again if it is too small. */
char *arena_printf(struct arena *arena, const char *format, ...)
{
	size_t left = room(arena->current);
	char *text = (char *)arena->current->bytes + arena->current->used;
	va_list args;
	int length;

	va_start(args, format);
	/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start initialized it. */
	length = vsnprintf(text, left, format, args);
	va_end(args);
	if ((size_t)length < left)
		return arena_reserve(arena, (size_t)length + 1);
	text = arena_reserve(arena, (size_t)length + 1);
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
