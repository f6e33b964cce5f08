/* When a unit of work may assume that ids and lines are new, and what the flush cannot verify. */
#include "bus/unit_of_work/speculation.h"

#include "bus/unit_of_work/unit_of_work.h"

/* After this many units without a duplicate, a lane assumes again that ids and lines are new. */
#define CAUTIOUS_UNITS 16

void speculation_begin(struct speculation *speculation, bool is_on)
{
	*speculation = (struct speculation){.is_on = is_on, .was_on = is_on};
}

void speculation_end(struct speculation *speculation)
{
	speculation->is_on = false;
}

static bool is_rejection(enum verdict verdict)
{
	return verdict >= REJECT_INVALID_SKU && verdict != NEEDS_MORE;
}

bool speculation_forbids(const struct speculation *speculation, enum verdict verdict)
{
	return speculation->is_on && is_rejection(verdict);
}

enum speculation_finding speculation_check(const struct unit_of_work *uow, enum verdict verdict,
					   bool lines_are_new, size_t notified)
{
	const struct speculation *speculation = &uow->speculation;
	const struct product *product = uow->touched;
	/* A line that is out of stock, or waits for a shrink's next step, is not inserted. */
	bool leaves_line_out =
		uow->notification_count > notified || (product && product_is_shrinking(product));

	if (product && product_is_contradicted(product))
		return SPECULATION_WRONG;
	if (verdict == NEEDS_MORE)
		return SPECULATION_SOUND;
	if (speculation_forbids(speculation, verdict))
		return SPECULATION_UNVERIFIED;
	if (leaves_line_out && lines_are_new && speculation->is_on)
		return SPECULATION_UNVERIFIED;
	if (leaves_line_out && !lines_are_new && speculation->assumed_lines)
		return SPECULATION_WRONG; /* the line may be one that an earlier message allocated */
	return SPECULATION_SOUND;
}

void speculation_failed(struct speculation_caution *caution)
{
	caution->units_left = CAUTIOUS_UNITS;
}

static bool has_duplicate(const struct delivery_queue *done)
{
	const struct delivery *it = done->first;

	while (it && it->outcome != OUTCOME_SKIPPED)
		it = it->next;
	return it;
}

void speculation_note_commit(struct speculation_caution *caution, const struct speculation *speculation,
			     const struct delivery_queue *done)
{
	if (caution->units_left && has_duplicate(done))
		caution->units_left = CAUTIOUS_UNITS;
	else if (caution->units_left && !speculation->was_on)
		caution->units_left--;
}
