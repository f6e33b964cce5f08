/*
 * Memory tied to the work it serves: everything that belongs to one unit of
 * work or one message is allocated from one arena and freed at once.  (The idea:
 * postgres src/backend/utils/mmgr/README, nginx ngx_palloc.h.)
 *
 * Allocations are zeroed, aligned for any type and never NULL: when the system
 * has no memory left, the process aborts; committed work is safe.
 */
#ifndef ALLOCD_CORE_BASE_ARENA_H
#define ALLOCD_CORE_BASE_ARENA_H

#include <stddef.h>

struct arena;

/* The arena gets memory from the system in chunks of `chunk_size` bytes, or larger ones when needed. */
struct arena *arena_new(size_t chunk_size);

/* Frees the arena and all its allocations.  Accepts NULL in *arena and nulls it. */
void arena_free(struct arena **arena);

/* Frees all allocations; keeps up to ARENA_KEEP bytes of memory for the next use. */
#define ARENA_KEEP ((size_t)2 * 1024 * 1024)
void arena_clear(struct arena *arena);

void *arena_alloc(struct arena *arena, size_t size);

/* Like arena_alloc(), but not zeroed: for memory that the caller fills immediately. */
void *arena_reserve(struct arena *arena, size_t size);

void *arena_copy(struct arena *arena, const void *bytes, size_t size);
char *arena_strdup(struct arena *arena, const char *text);

/* Copies the array and its texts. */
const char **arena_strdup_all(struct arena *arena, const char *const *texts, size_t count);

/* Copies `length` bytes and appends a NUL. */
char *arena_text(struct arena *arena, const char *bytes, size_t length);

/* Joins 1 to ARENA_JOIN_MAX texts, separated by `between`. */
#define ARENA_JOIN_MAX 4
char *arena_join(struct arena *arena, const char *const texts[], size_t count, char between);

/* `printf` into the arena. */
__attribute__((format(printf, 2, 3), nonnull)) char *arena_printf(struct arena *arena, const char *format,
								  ...);

/*
 * Makes room for one more element in an array of `count` elements: returns `array`, or a copy of
 * twice its size.  The array grows when `count` is 0 or a power of two that is at least 8.
 */
void *arena_grow(struct arena *arena, void *array, size_t count, size_t element_size);

/* The number of bytes of system memory that the arena holds. */
size_t arena_footprint(const struct arena *arena);

#endif
