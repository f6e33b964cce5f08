/* Writes a product down, pointer by pointer. */
#include "dump.h"

#include "core/product_repository.h"

#include <inttypes.h>
#include <stdio.h>

static const char *name(const struct batch *batch)
{
	return batch ? batch->reference : "-";
}

static void dump_line(FILE *out, const char *where, const struct allocation *line)
{
	fprintf(out, "%s %p %s:%d %s@%" PRId64 " %d, was %s %d, changed %d %p, %p %p\n", where,
		(const void *)line, line->line.orderid, line->line.qty, name(line->batch), line->version,
		line->displaced, name(line->stored_batch), line->stored_displaced, line->changed,
		(const void *)line->next_changed, (const void *)line->newer, (const void *)line->older);
}

static void dump_batch(FILE *out, const struct batch *batch)
{
	fprintf(out, "batch %p %s %d %d %d %d %" PRId64 " from %" PRId64 " %p, stored %d, changed %d\n",
		(const void *)batch, batch->reference, batch->eta, batch->original_qty, batch->purchased,
		batch->allocated, batch->changed_at, batch->lines_from, (const void *)batch->oldest_loaded,
		batch->stored, batch->changed);
	for (const struct allocation *line = batch->newest; line; line = line->older)
		dump_line(out, " holds", line);
}

static void dump_shrink(FILE *out, const struct product *product)
{
	const struct shrink *shrink = product->shrink;

	fprintf(out, "shrink stored %d, changed %d", product->shrink_stored, product->shrink_changed);
	if (shrink)
		fprintf(out, " %s %d %d", name(shrink->batch), shrink->target, shrink->all_displaced);
	fprintf(out, ", newest displaced %p\n", (const void *)product->newest_displaced);
	for (const struct allocation *line = product->oldest_displaced; line; line = line->newer)
		dump_line(out, " displaced", line);
}

static void dump_lines(FILE *out, const struct product *product)
{
	for (int i = 0; i < LINE_BUCKETS; i++) {
		for (const struct allocation *line = product->lines[i]; line; line = line->next_in_bucket)
			dump_line(out, "line", line);
	}
	for (const struct allocation *line = product->changed_lines; line; line = line->next_changed)
		fprintf(out, "changed %p\n", (const void *)line);
}

char *dump_product(const struct product *product)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	fprintf(out, "version %" PRId64 ", revision %" PRId64 ", changed %d, events %p %p\n",
		product->version, product->revision, product->changed, (const void *)product->events,
		(const void *)product->last_event);
	for (size_t i = 0; i < product->range_count; i++)
		fprintf(out, "%d: %d%s ", product->ranges[i].fitting, product->ranges[i].up_to.eta,
			product->ranges[i].up_to.reference ? product->ranges[i].up_to.reference : "-");
	fprintf(out, "\n");
	for (const struct batch *batch = product->batches; batch; batch = batch->next)
		dump_batch(out, batch);
	dump_shrink(out, product);
	dump_lines(out, product);
	fclose(out);
	return text;
}
