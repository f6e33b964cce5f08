/* Keeps flat lists, which are searched linearly. */
#include "support/flat.h"

#include <check.h>
#include <string.h>

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

struct flat_batch *flat_batch(struct flat *flat, const char *reference)
{
	for (int i = 0; i < flat->batch_count; i++) {
		if (same_text(flat->batches[i].reference, reference))
			return &flat->batches[i];
	}
	return NULL;
}

struct flat_line *flat_line(struct flat *flat, const char *orderid, int32_t qty)
{
	for (int i = 0; i < flat->line_count; i++) {
		if (flat->lines[i].qty == qty && same_text(flat->lines[i].orderid, orderid))
			return &flat->lines[i];
	}
	return NULL;
}

struct flat_line *flat_newest_line(struct flat *flat, const char *batchref, int64_t below)
{
	struct flat_line *newest = NULL;

	for (int i = 0; i < flat->line_count; i++) {
		struct flat_line *line = &flat->lines[i];

		if (same_text(line->batchref, batchref) && line->version < below &&
		    (!newest || line->version > newest->version))
			newest = line;
	}
	return newest;
}

int32_t flat_allocated(const struct flat *flat, const char *batchref)
{
	int32_t sum = 0;

	for (int i = 0; i < flat->line_count; i++) {
		if (same_text(flat->lines[i].batchref, batchref))
			sum += flat->lines[i].qty;
	}
	return sum;
}

int32_t flat_free(const struct flat *flat, const struct flat_batch *batch)
{
	return batch->purchased - flat_allocated(flat, batch->reference);
}

void flat_add_batch(struct flat *flat, struct flat_batch batch)
{
	if (flat->batch_count == FLAT_BATCHES_MAX || flat_batch(flat, batch.reference))
		ck_abort_msg("batch %s does not fit or is there already", batch.reference);
	flat->batches[flat->batch_count++] = batch;
}

void flat_add_line(struct flat *flat, struct flat_line line)
{
	if (flat->line_count == FLAT_LINES_MAX || flat_line(flat, line.orderid, line.qty))
		ck_abort_msg("line %s:%d does not fit or is there already", line.orderid, line.qty);
	flat->lines[flat->line_count++] = line;
}

void flat_remove_line(struct flat *flat, struct flat_line *line)
{
	*line = flat->lines[--flat->line_count];
}

static bool same_batch(const struct flat_batch *a, const struct flat_batch *b)
{
	return a && b && a->eta == b->eta && a->original_qty == b->original_qty &&
	       a->purchased == b->purchased && a->changed_at == b->changed_at;
}

static bool same_line(const struct flat_line *a, const struct flat_line *b)
{
	return a && b && same_text(a->batchref, b->batchref) && a->version == b->version;
}

const char *flat_difference(struct flat *a, struct flat *b)
{
	if (a->version != b->version)
		return "version";
	if (a->batch_count != b->batch_count)
		return "number of batches";
	if (a->line_count != b->line_count)
		return "number of lines";
	for (int i = 0; i < a->batch_count; i++) {
		if (!same_batch(&a->batches[i], flat_batch(b, a->batches[i].reference)))
			return a->batches[i].reference;
	}
	for (int i = 0; i < a->line_count; i++) {
		if (!same_line(&a->lines[i], flat_line(b, a->lines[i].orderid, a->lines[i].qty)))
			return a->lines[i].orderid;
	}
	return NULL;
}
