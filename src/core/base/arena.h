/*
 * Memory tied to the work it serves: everything that belongs to one unit of
 * work or one message is taken from one arena and freed at once.  (The idea:
 * postgres src/backend/utils/mmgr/README, nginx ngx_palloc.h.)
 *
 * Allocations are zeroed, aligned for any type and never NULL: when the system
 * has no memory left the process ends, and what was committed is safe.
 */
#ifndef ALLOCD_CORE_BASE_ARENA_H
#define ALLOCD_CORE_BASE_ARENA_H

#include <stddef.h>

struct arena;

/* `chunk_size`: how much memory is taken from the system at a time. */
struct arena *arena_new(size_t chunk_size);

/* Frees the arena and all that was taken from it.  Accepts NULL in *arena and nulls it. */
void arena_free(struct arena **arena);

/* Frees all allocations; keeps up to ARENA_KEEP bytes of memory for the next use. */
#define ARENA_KEEP ((size_t)2 * 1024 * 1024)
void arena_clear(struct arena *arena);

void *arena_alloc(struct arena *arena, size_t size);

/* The same, but not zeroed: for memory that the caller fills at once. */
void *arena_reserve(struct arena *arena, size_t size);

void *arena_copy(struct arena *arena, const void *bytes, size_t size);
char *arena_strdup(struct arena *arena, const char *text);

/* `length` bytes and a NUL behind them. */
char *arena_text(struct arena *arena, const char *bytes, size_t length);

/* 1 to ARENA_JOIN_MAX texts, with the character between them. */
#define ARENA_JOIN_MAX 4
char *arena_join(struct arena *arena, const char *const texts[], size_t count, char between);

/* `printf` into the arena. */
__attribute__((format(printf, 2, 3), nonnull)) char *arena_printf(struct arena *arena, const char *format,
								  ...);

/*
 * Room for one more element in a growing array of `count` elements: returns `array`, or a
 * copy of twice the size.  The array grows when `count` is 0 or a power of two from 8 on.
 */
void *arena_grow(struct arena *arena, void *array, size_t count, size_t element_size);

/* How many bytes the arena holds of the system's memory. */
size_t arena_footprint(const struct arena *arena);

#endif
