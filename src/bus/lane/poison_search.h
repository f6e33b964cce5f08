/*
 * The search for a poison message: one that makes every unit fail that contains it, while the database
 * accepts other units.
 *
 * The search is a bisection.  The messages of a failed unit become suspects, and the next unit gets half of
 * them, until a unit of one message fails: that message is the poison.  Suspects that were committed are
 * cleared, and after each commit the next unit gets twice as many; when no suspect is left, units have
 * their full size again.
 *
 * If the unit failed because a statement took too long, there is no halving: every attempt with a slow
 * message costs a whole statement timeout.  The suspects are tried in groups of about the square root of a
 * unit's size, and those of a group that fails are tried alone: one slow message costs two timeouts, and the
 * thousand others of its unit some sixty units.
 */
#ifndef ALLOCD_BUS_LANE_POISON_SEARCH_H
#define ALLOCD_BUS_LANE_POISON_SEARCH_H

#include <stdbool.h>
#include <stddef.h>

struct poison_search {
	size_t unit_max; /* messages in a unit while nothing is searched for */
	size_t limit;    /* messages in the next unit */
	size_t suspects; /* messages that are not cleared; 0: no search is under way */
	bool by_time;    /* the unit took too long */
	size_t alone;    /* by time: the first suspects, of a group that failed, get a unit each */
	bool has_found;  /* a message was found that is too slow even alone */

	/* Units left that get more time, because a unit was merely too large for the usual time. */
	int patient_units;
};

void poison_search_init(struct poison_search *search, size_t unit_max);

/* `count` messages were committed, or left the lane's queue. */
void poison_search_clear(struct poison_search *search, size_t count);

/* Milliseconds for each statement of a unit with `count` messages; 0: the usual time. */
int poison_search_statement_ms(const struct poison_search *search, size_t count);

/* A unit was committed. */
void poison_search_note_commit(struct poison_search *search);

/* Milliseconds for each statement of a unit that needs more than the usual time. */
#define PATIENT_MS 6000

#endif
