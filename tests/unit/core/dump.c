/* Writes a product down, pointer by pointer, and without printf, which took half of a life's time. */
#include "dump.h"

#include "core/base/must.h"
#include "core/product_repository.h"

#include <stdlib.h>
#include <string.h>

static struct {
	char *text;
	size_t size, room;
} dump;

static void put(const char *bytes, size_t count)
{
	if (dump.size + count > dump.room) {
		dump.room = 2 * (dump.size + count);
		dump.text = must(realloc(dump.text, dump.room));
	}
	memcpy(dump.text + dump.size, bytes, count);
	dump.size += count;
}

static void put_text(const char *text)
{
	put(text, strlen(text));
}

/* In hexadecimal digits. */
static void put_number(int64_t number)
{
	char digits[1 + 16], *at = digits + sizeof digits;

	for (uint64_t left = (uint64_t)number; left || at == digits + sizeof digits; left >>= 4)
		*--at = "0123456789abcdef"[left & 15];
	*--at = ' ';
	put(at, (size_t)(digits + sizeof digits - at));
}

static void put_row(const char *kind, const char *name, const int64_t numbers[], size_t count)
{
	put_text(kind);
	put_text(" ");
	put_text(name);
	for (size_t i = 0; i < count; i++)
		put_number(numbers[i]);
	put_text("\n");
}

/* The kind of what follows, its name, and numbers; pointers are numbers, too. */
#define ROW(kind, name, ...)                                                                                 \
	put_row(kind, name, (const int64_t[]){__VA_ARGS__},                                                  \
		sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

#define POINTER(pointer) (int64_t)(intptr_t)(pointer)

/* A line: its batch, whether it is displaced, both as stored, and its neighbours. */
static void dump_line(const char *where, const struct allocation *line)
{
	ROW(where, line->line.orderid, POINTER(line), line->line.qty, POINTER(line->batch), line->version,
	    line->displaced, POINTER(line->stored_batch), line->stored_displaced, line->changed,
	    POINTER(line->next_changed), POINTER(line->newer), POINTER(line->older));
}

static void dump_batch(const struct batch *batch)
{
	ROW("batch", batch->reference, POINTER(batch), batch->eta, batch->original_qty, batch->purchased,
	    batch->allocated, batch->changed_at, batch->lines_from, POINTER(batch->oldest_loaded),
	    batch->stored, batch->changed);
	for (const struct allocation *line = batch->newest; line; line = line->older)
		dump_line(" holds", line);
}

static void dump_shrink(const struct product *product)
{
	const struct shrink *shrink = product->shrink;

	ROW("shrink", "", product->shrink_stored, product->shrink_changed,
	    POINTER(product->newest_displaced));
	if (shrink)
		ROW(" of", shrink->batch->reference, shrink->target, shrink->all_displaced);
	for (const struct allocation *line = product->oldest_displaced; line; line = line->newer)
		dump_line(" displaced", line);
}

static void dump_lines(const struct product *product)
{
	for (int i = 0; i < LINE_BUCKETS; i++) {
		for (const struct allocation *line = product->lines[i]; line; line = line->next_in_bucket)
			dump_line("line", line);
	}
	for (const struct allocation *line = product->changed_lines; line; line = line->next_changed)
		ROW("changed", line->line.orderid, POINTER(line));
}

char *dump_product(const struct product *product)
{
	dump.size = 0;
	ROW("product", product->sku, product->version, product->revision, product->changed,
	    POINTER(product->events), POINTER(product->last_event));
	for (size_t i = 0; i < product->range_count; i++) {
		struct preference up_to = product->ranges[i].up_to;

		ROW("range", up_to.reference ? up_to.reference : "-", product->ranges[i].fitting, up_to.eta);
	}
	for (const struct batch *batch = product->batches; batch; batch = batch->next)
		dump_batch(batch);
	dump_shrink(product);
	dump_lines(product);
	put("", 1);
	return must(strdup(dump.text));
}
