/*
 * Speculation: a unit of work assumes that the message ids and order lines that it meets are new, and does
 * not look them up.  They nearly always are, and a unit whose products are cached then costs one round
 * trip, its flush.
 *
 * The flush verifies the assumption, because it inserts what was assumed to be new under unique keys: the
 * ids of handled and skipped messages, and the lines that got a batch.  If one of them is stored already,
 * nothing is written, the flush answers FAILURE_CONFLICT, and the lane redoes the unit with look-ups.
 *
 * A decision that inserts nothing is not verified, so it must not rest on an assumption:
 *
 *   - A message that is rejected, invalid or failed spends no id.  If its id is spent already, the message
 *     is a duplicate, which is skipped and not refused.
 *   - A line that is out of stock, or displaced by a shrink that takes several steps, has no batch.  If the
 *     line is stored already, the message should have been skipped.
 *   - A shrink gives up a batch's newest lines.  A line that an earlier message of the unit allocated as new
 *     may be stored already, in any batch: then the product in memory never existed (product->contradicted).
 *
 * In the first two cases the message is undone, and from it on the unit looks up ids and lines
 * (SPECULATION_UNVERIFIED).  Where an earlier message may have been wrong, the whole unit is redone with
 * look-ups (SPECULATION_WRONG).
 *
 * After a failed speculation the lane's next units look everything up, until enough of them in a row meet
 * no duplicate (struct speculation_caution).  Nor does a unit speculate while it takes row locks, performs
 * a step of a shrink, or is part of a search for a poison message: see lane.c.
 */
#ifndef ALLOCD_BUS_UNIT_OF_WORK_SPECULATION_H
#define ALLOCD_BUS_UNIT_OF_WORK_SPECULATION_H

#include "core/verdict.h"

#include <stdbool.h>
#include <stddef.h>

struct unit_of_work;
struct delivery_queue;

/* What a unit of work assumes. */
struct speculation {
	bool is_on;         /* ids and lines are assumed to be new from now on */
	bool was_on;        /* they were when the unit began, so its flush may conflict */
	bool assumed_lines; /* at least one line was assumed to be new */
};

/* Begins a unit, with speculation or with look-ups. */
void speculation_begin(struct speculation *speculation, bool is_on);

/* Ends the speculation: from now on the unit looks up ids and lines. */
void speculation_end(struct speculation *speculation);

enum speculation_finding {
	SPECULATION_SOUND,      /* the flush would detect a wrong assumption, or nothing was assumed */
	SPECULATION_UNVERIFIED, /* the flush would not detect a wrong assumption about this message */
	SPECULATION_WRONG,      /* the flush would not detect one about an earlier message either */
};

/*
 * Judges a command that was just handled and not undone.  `lines_are_new`: it names lines, which were
 * assumed to be new (see message_bus.h).  `notified`: how many notifications the unit had before the
 * command.
 */
enum speculation_finding speculation_check(const struct unit_of_work *uow, enum verdict verdict,
					   bool lines_are_new, size_t notified);

/* Whether the verdict is a rejection that rests on an assumption. */
bool speculation_forbids(const struct speculation *speculation, enum verdict verdict);

/* A lane's caution, after one of its speculations failed. */
struct speculation_caution {
	int units_left; /* units that are still to look everything up */
};

void speculation_failed(struct speculation_caution *caution);

/* Notes a committed unit; duplicates among its deliveries `done` keep the lane cautious. */
void speculation_note_commit(struct speculation_caution *caution, const struct speculation *speculation,
			     const struct delivery_queue *done);

#endif
