/*
 * A product as flat, unordered lists, as a database stores it.  The property tests have two of them:
 * the database's, which only the repository writes, and the model's, which only the model writes.
 */
#ifndef ALLOCD_TESTS_CORE_FLAT_H
#define ALLOCD_TESTS_CORE_FLAT_H

#include <stdbool.h>
#include <stdint.h>

#define FLAT_BATCHES_MAX 32
#define FLAT_LINES_MAX   1000

struct flat_batch {
	const char *reference;
	int32_t eta;
	int32_t original_qty;
	int32_t purchased;
	int64_t changed_at;
};

struct flat_line {
	const char *orderid;
	int32_t qty;
	const char *batchref; /* NULL: displaced */
	int64_t version;
};

struct flat {
	int64_t version;
	int64_t revision; /* 0: no such product */
	int batch_count;
	int line_count;
	struct flat_batch batches[FLAT_BATCHES_MAX];
	struct flat_line lines[FLAT_LINES_MAX];

	const char *shrinking; /* the batch, or NULL */
	int32_t shrink_target;
};

/* Returns NULL when it is not found. */
struct flat_batch *flat_batch(struct flat *flat, const char *reference);
struct flat_line *flat_line(struct flat *flat, const char *orderid, int32_t qty);

/* The newest line of the batch (NULL: of the displaced ones) with a version below `below`, or NULL. */
struct flat_line *flat_newest_line(struct flat *flat, const char *batchref, int64_t below);

/* Returns the sum of the batch's lines, which is never stored. */
int32_t flat_allocated(const struct flat *flat, const char *batchref);
int32_t flat_free(const struct flat *flat, const struct flat_batch *batch);

void flat_add_batch(struct flat *flat, struct flat_batch batch);
void flat_add_line(struct flat *flat, struct flat_line line);
void flat_remove_line(struct flat *flat, struct flat_line *line);

/* Returns NULL if both are equal, in any order, or else a description of the first difference. */
const char *flat_difference(struct flat *a, struct flat *b);

#endif
