/* The contract's domain rules, implemented in the simplest way. */
#include "support/model.h"

#include "core/base/calendar.h"

#include <check.h>
#include <string.h>

static int64_t tell(struct model *model, enum message_type type, const struct flat_line *line,
		    const char *batchref)
{
	struct model_event *event = &model->events[model->event_count++];

	if (model->event_count == MODEL_EVENTS_MAX)
		ck_abort_msg("more events than the model has room for");
	*event = (struct model_event){
		.type = type,
		.orderid = line->orderid,
		.qty = line->qty,
		.batchref = batchref,
		.version = ++model->flat.version,
	};
	return event->version;
}

static bool comes_before(const struct flat_batch *a, const struct flat_batch *b)
{
	return a->eta < b->eta || (a->eta == b->eta && strcmp(a->reference, b->reference) < 0);
}

static const struct flat_batch *best_batch(const struct flat *flat, int32_t qty)
{
	const struct flat_batch *best = NULL;

	for (int i = 0; i < flat->batch_count; i++) {
		const struct flat_batch *batch = &flat->batches[i];

		if ((!best || comes_before(batch, best)) && flat_free(flat, batch) >= qty)
			best = batch;
	}
	return best;
}

static void place(struct model *model, struct flat_line line)
{
	const struct flat_batch *batch = best_batch(&model->flat, line.qty);

	if (!batch) {
		tell(model, MSG_OUT_OF_STOCK, &line, NULL);
		return;
	}
	line.batchref = batch->reference;
	line.version = tell(model, MSG_LINE_ALLOCATED, &line, batch->reference);
	flat_add_line(&model->flat, line);
}

enum verdict model_add_batch(struct model *model, const char *reference, int32_t qty, int32_t eta)
{
	struct flat_batch *batch = flat_batch(&model->flat, reference);

	if (batch)
		return batch->eta == eta && batch->original_qty == qty ? SKIP_DUPLICATE
								       : REJECT_BATCHREF_TAKEN;
	flat_add_batch(&model->flat, (struct flat_batch){reference, eta, qty, qty, NO_INSTANT});
	return ACCEPTED;
}

enum verdict model_allocate(struct model *model, const char *orderid, int32_t qty)
{
	if (flat_line(&model->flat, orderid, qty))
		return SKIP_DUPLICATE;
	place(model, (struct flat_line){.orderid = orderid, .qty = qty});
	return ACCEPTED;
}

enum verdict model_deallocate(struct model *model, const char *orderid, int32_t qty)
{
	struct flat_line *line = flat_line(&model->flat, orderid, qty);

	if (!line)
		return SKIP_NOT_ALLOCATED;
	tell(model, MSG_LINE_DEALLOCATED, line, line->batchref);
	model->events[model->event_count - 1].reason = LINE_DEALLOCATED_REASON_CANCELLED;
	flat_remove_line(&model->flat, line);
	return ACCEPTED;
}

enum verdict model_ship(struct model *model, const char *orderid, int32_t qty)
{
	struct flat_line *line = flat_line(&model->flat, orderid, qty);

	if (!line)
		return SKIP_NOT_ALLOCATED;
	tell(model, MSG_LINE_SHIPPED, line, line->batchref);
	flat_batch(&model->flat, line->batchref)->purchased -= qty;
	flat_remove_line(&model->flat, line);
	return ACCEPTED;
}

enum verdict model_change_quantity(struct model *model, const char *reference, int32_t qty,
				   int64_t occurred_at)
{
	struct flat *flat = &model->flat;
	struct flat_batch *batch = flat_batch(flat, reference);
	struct flat_line given_up[FLAT_LINES_MAX];
	int count = 0;

	if (!batch)
		return REJECT_UNKNOWN_BATCH;
	if (occurred_at != NO_INSTANT && batch->changed_at != NO_INSTANT && occurred_at < batch->changed_at)
		return SKIP_OUT_OF_DATE;
	if (occurred_at != NO_INSTANT)
		batch->changed_at = occurred_at;
	batch->purchased = qty;
	while (flat_free(flat, batch) < 0) {
		struct flat_line *newest = flat_newest_line(flat, reference, INT64_MAX);

		tell(model, MSG_LINE_DEALLOCATED, newest, reference);
		model->events[model->event_count - 1].reason = LINE_DEALLOCATED_REASON_BATCH_SHRUNK;
		given_up[count++] = *newest;
		flat_remove_line(flat, newest);
	}
	while (count > 0)
		place(model, given_up[--count]);
	return ACCEPTED;
}
