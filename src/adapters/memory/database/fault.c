/* Checks the invariants of the database, which hold between flushes. */
#include "adapters/memory/database/database.h"

#include "bus/unit_of_work/outbox_frame.h"
#include "core/product.h"

#include <inttypes.h>
#include <string.h>

/* ---- batches hold what their lines say ---- */

static int64_t held_by(const struct product_row *product, const struct batch_row *batch)
{
	int64_t held = 0;

	for (const struct line_row *line = product->lines; line; line = line->next) {
		if (line->batchref && !strcmp(line->batchref, batch->reference))
			held += line->qty;
	}
	return held;
}

static const char *batch_fault(const struct product_row *product, const struct batch_row *batch,
			       struct arena *arena)
{
	if (batch->allocated < 0 || batch->allocated > batch->purchased)
		return arena_printf(arena, "batch %s: %d allocated of %d", batch->reference, batch->allocated,
				    batch->purchased);
	if (batch->allocated != held_by(product, batch))
		return arena_printf(arena, "batch %s: %d allocated, but its lines are %" PRId64,
				    batch->reference, batch->allocated, held_by(product, batch));
	return NULL;
}

/* ---- the read model shows what is ---- */

static const char *line_fault(const struct database *database, const struct line_row *line,
			      struct arena *arena)
{
	const struct view_row *view = database_view(database, line->sku, line->orderid, line->qty);
	const char *shown = view ? view->batchref : "", *held = line->batchref ? line->batchref : "";

	if (strcmp(shown, held))
		return arena_printf(arena, "line %s of %s: in batch '%s', shown in '%s'", line->orderid,
				    line->sku, held, shown);
	return NULL;
}

static const char *view_fault(const struct database *database, const struct view_row *view,
			      struct arena *arena)
{
	if (!view->batchref || database_line(database, view->sku, view->orderid, view->qty))
		return NULL;
	return arena_printf(arena, "line %s of %s is shown, but is not there", view->orderid, view->sku);
}

/* ---- a line without a batch waits for a shrink ---- */

static const char *displaced_fault(const struct product_row *product, struct arena *arena)
{
	for (const struct line_row *line = product->lines; line; line = line->next) {
		if (line->displaced && (line->batchref || !product->shrink.batchref))
			return arena_printf(arena, "line %s of %s: displaced, but no shrink is in progress",
					    line->orderid, line->sku);
	}
	return NULL;
}

static const char *product_fault(const struct database *database, const struct product_row *product,
				 struct arena *arena)
{
	const char *fault = displaced_fault(product, arena);

	for (const struct batch_row *batch = product->batches; batch && !fault; batch = batch->next)
		fault = batch_fault(product, batch, arena);
	for (const struct line_row *line = product->lines; line && !fault; line = line->next)
		fault = line_fault(database, line, arena);
	return fault;
}

/* ---- the outbox has every version of every product, once and in order ---- */

/* Whether the part's events are those that follow `version`. */
static bool part_follows(const struct stored_outbox_row *row, const struct stored_outbox_part *part,
			 int64_t version, struct arena *arena)
{
	struct outgoing *events = NULL;
	size_t count = 0;

	return part->first_version == version + 1 &&
	       outbox_frame_decode(arena, stored_outbox_events(row, part), &events, &count) &&
	       part->last_version == version + (int64_t)count;
}

static const char *outbox_fault(const struct product_row *product, const struct outbox_partition *partition,
				struct arena *arena)
{
	int64_t version = 0;

	for (size_t i = 0; i < partition->count; i++) {
		const struct stored_outbox_row *row = &partition->rows[i];

		for (size_t at = 0; at < row->part_count; at++) {
			const struct stored_outbox_part *part = &row->parts[at];

			if (strcmp(part->sku, product->sku))
				continue;
			if (!part_follows(row, part, version, arena))
				return arena_printf(
					arena,
					"outbox of %s: versions %" PRId64 " to %" PRId64 " after %" PRId64,
					part->sku, part->first_version, part->last_version, version);
			version = part->last_version;
		}
	}
	if (version != product->version)
		return arena_printf(arena, "outbox of %s ends at %" PRId64 ", its version is %" PRId64,
				    product->sku, version, product->version);
	return NULL;
}

const char *database_fault(const struct database *database, struct arena *arena)
{
	const char *fault = NULL;

	for (size_t i = 0; i < database->product_count && !fault; i++) {
		const struct product_row *product = database->product_list[i];

		fault = product_fault(database, product, arena);
		if (!fault)
			fault = outbox_fault(product, &database->outbox[partition_of(product->sku)], arena);
	}
	for (size_t i = 0; i < database->view_count && !fault; i++)
		fault = view_fault(database, database->view_list[i], arena);
	return fault;
}
