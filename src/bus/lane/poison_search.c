/* Bisects the messages of a failed unit; then fails the one that stands alone, or parks its SKU. */
#include "bus/lane/poison_search.h"

#include "bus/lane/lane_internal.h"
#include "bus/tracing/traceparent.h"
#include "core/base/utf8.h"

/* How many units get more time after a unit was too large for the usual time. */
#define PATIENT_UNITS 64

/* Milliseconds for each statement while a slow message is searched for; one that takes longer is parked. */
#define BRISK_MS 150

/* How many suspects are tried together while a slow message is searched for. */
#define GROUP_MAX 32

/* ---- the bisection ---- */

void poison_search_init(struct poison_search *search, size_t unit_max)
{
	*search = (struct poison_search){.unit_max = unit_max, .limit = unit_max};
}

/* Sets the size of the next unit while a slow message is searched for. */
static void limit_by_time(struct poison_search *search)
{
	search->limit = search->alone ? 1 : GROUP_MAX;
}

/* A unit of `count` messages failed: the next one gets half as many, or a group if time is to blame. */
static void narrow(struct poison_search *search, size_t count)
{
	if (search->suspects < count)
		search->suspects = count;
	if (search->by_time) {
		if (count <= GROUP_MAX && search->alone < count)
			search->alone = count;
		limit_by_time(search);
	} else {
		search->limit = count > 1 ? count / 2 : 1;
	}
}

void poison_search_clear(struct poison_search *search, size_t count)
{
	search->suspects = search->suspects > count ? search->suspects - count : 0;
	search->alone = search->alone > count ? search->alone - count : 0;
	if (search->suspects) {
		if (search->by_time)
			limit_by_time(search);
		return;
	}
	search->limit = search->unit_max;
	if (search->by_time && !search->has_found)
		search->patient_units = PATIENT_UNITS; /* each message alone was committed in time */
	search->by_time = search->has_found = false;
}

int poison_search_statement_ms(const struct poison_search *search, size_t count)
{
	if (search->patient_units && count > 1)
		return PATIENT_MS;
	return search->by_time ? BRISK_MS : 0;
}

void poison_search_note_commit(struct poison_search *search)
{
	search->patient_units -= search->patient_units > 0;
	if (search->suspects && !search->by_time)
		search->limit = search->limit * 2 < search->unit_max ? search->limit * 2 : search->unit_max;
}

/* ---- a unit fails while the database accepts others ---- */

void lane_isolate(struct lane *lane)
{
	size_t count = lane_put_back(lane);

	if (!count) {
		lane_rest_shrink(lane);
		lane_begin(lane);
	} else if (lane->is_parking) {
		parking_postpone(lane);
	} else if (count > 1 || lane->stepping) {
		narrow(&lane->search, count);
		lane_begin(lane);
	} else {
		lane_park(lane, delivery_key(lane->queue.first));
		lane_begin(lane);
	}
}

void lane_isolate_slow(struct lane *lane)
{
	lane->search.by_time = true;
	lane_isolate(lane);
}

/* ---- the database refuses the data of a unit ---- */

static void drop_lost(struct lane *lane)
{
	struct delivery *delivery = delivery_queue_pop(&lane->queue);

	poison_search_clear(&lane->search, 1);
	engine_lane_committed(lane->engine, lane->number);
	engine_finish(lane->engine, delivery);
	lane_begin(lane);
}

void lane_fail_poison(struct lane *lane)
{
	struct delivery *delivery = lane->queue.first;

	if (!delivery->decided) {
		delivery_decide(delivery, OUTCOME_FAILED, lane->complaint);
		lane_begin(lane);
		return;
	}
	if (delivery->is_lost) {
		drop_lost(lane);
		return;
	}
	/* Even its dead letter is refused: only the log is left to record the message. */
	LOG(lane->shared->ports->logger, LOG_ERROR, "message lost: the database refuses its dead letter",
	    LOG_KEPT, LOG_TEXT("place", delivery->origin), LOG_TEXT("entry", delivery->entry_id),
	    LOG_TEXT("message", message_name(delivery->type)), LOG_TEXT("id", delivery->envelope.id),
	    LOG_TEXT("sku", delivery->sku),
	    LOG_TEXT("trace_id", trace_id_of(delivery->envelope.traceparent, delivery->arena)),
	    LOG_TEXT("error", lane->complaint));
	delivery->is_lost = true;
	if (delivery->process_key)
		lane_begin(lane); /* to delete its process, which would be taken over again and again */
	else
		drop_lost(lane);
}

void lane_bisect(struct lane *lane, const struct failure *failure)
{
	size_t count = lane_put_back(lane);

	if (!count) {
		/*
		 * A shrink's own step: no message is to blame, and those that wait for it must not be lost.
		 */
		active_shrinks_rotate(&lane->shrinks);
		lane_retry(lane, failure, lane_begin);
		return;
	}
	if (count > 1 || lane->stepping) {
		narrow(&lane->search, count);
		lane_begin(lane);
		return;
	}
	utf8_format(lane->complaint, sizeof lane->complaint, "%s", failure->text);
	narrow(&lane->search, 1);
	lane_probe(lane, lane_fail_poison);
}
