/*
 * Speculation: a unit of work assumes that the message ids and order lines which it meets are new, and does
 * not look them up.  Nearly always they are, and a unit whose products are cached then costs one round trip,
 * its flush.
 *
 * The flush verifies the assumption, because it inserts what was assumed to be new under unique keys: the ids
 * of handled and skipped messages, and the lines that got a batch.  If one of them is stored already, nothing
 * is written, the flush answers FAILURE_CONFLICT, and the lane redoes the unit with look-ups.
 *
 * A decision that inserts nothing is not verified, so it must not stand on an assumption:
 *
 *   - A message that is rejected, invalid or failed spends no id.  If its id is spent already, the message
 *     is a duplicate, which is skipped before anything else is said about it.
 *   - A line that is out of stock, or displaced by a shrink that takes several steps, has no batch.  If the
 *     line was stored already, the message was to be skipped.
 *   - A shrink gives up a batch's newest lines.  A line that an earlier message of the unit allocated as new
 *     may be stored already, in any batch: then the product in memory never existed (product->contradicted).
 *
 * In the first two cases the message is undone, and from it on the unit looks ids and lines up
 * (SPECULATION_UNVERIFIED).  Where an earlier message may have been wrong, the whole unit is redone with
 * look-ups (SPECULATION_WRONG).
 *
 * After a failure the lane's next units look everything up, until enough of them met no duplicate (struct
 * speculation_caution).  A unit does not speculate either while it takes row locks, takes a step of a
 * shrink, or is part of a search for a poison message: see lane.c.
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
	bool was_on;        /* they were when the unit began: its flush may conflict because of that */
	bool assumed_lines; /* at least one line was assumed to be new */
};

/* A new unit speculates, or looks everything up. */
void speculation_begin(struct speculation *speculation, bool is_on);

/* From now on the unit looks ids and lines up. */
void speculation_end(struct speculation *speculation);

enum speculation_finding {
	SPECULATION_SOUND,      /* the flush would find out, or nothing was assumed */
	SPECULATION_UNVERIFIED, /* the flush would not find out what was assumed for this message */
	SPECULATION_WRONG,      /* nor what was perhaps assumed for an earlier one */
};

/*
 * Judges a command that was just handled and not undone.  `lines_are_new`: it names lines, which were
 * assumed to be new (see message_bus.h).  `notified`: the unit's notifications before it.
 */
enum speculation_finding speculation_check(const struct unit_of_work *uow, enum verdict verdict,
					   bool lines_are_new, size_t notified);

/* Whether a rejection of that verdict stands on an assumption. */
bool speculation_forbids(const struct speculation *speculation, enum verdict verdict);

/* A lane's caution, after a speculation of its failed. */
struct speculation_caution {
	int units_left; /* that are to look everything up */
};

void speculation_failed(struct speculation_caution *caution);

/* The unit was committed; duplicates among its deliveries `done` keep the lane cautious. */
void speculation_note_commit(struct speculation_caution *caution, const struct speculation *speculation,
			     const struct delivery_queue *done);

#endif
