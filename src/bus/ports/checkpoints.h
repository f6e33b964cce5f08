/*
 * Port: what the worker has to know after a crash, and what operators ask afterwards, besides the business
 * itself: how far streams were read, and when commands were not heard.
 *
 * Every call answers exactly once, through its callback, never before it returns.  Several may be under way;
 * they are answered in the order of the calls.  All of them may be made twice.  What is given is copied.
 */
#ifndef ALLOCD_BUS_PORTS_CHECKPOINTS_H
#define ALLOCD_BUS_PORTS_CHECKPOINTS_H

#include "bus/ports/failure.h"
#include "bus/ports/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is known of a stream. */
struct stream_record {
	/*
	 * Counts how often the stream started over.  Together with it the id of an entry is unique: a stream
	 * that was deleted may give the same ids again.
	 */
	int64_t incarnation;
	struct stream_id done; /* of this incarnation: every entry up to here was handled and acknowledged */

	char life[STREAM_LIFE_MAX]; /* what names this incarnation: the mark that its stream bears */
	bool began_again;           /* since it was last opened */
};

/* A time during which pub/sub was not heard, as instants. */
struct subscription_gap {
	int64_t since; /* when it was last known that nothing was missed */
	int64_t until;
	const char *cause;
	bool is_first; /* of this worker: nobody knows what was before; see note_blindness */
};

typedef void checkpoints_done(void *context, const struct failure *failure);

struct checkpoints {
	const struct checkpoints_ops *ops;
};

struct checkpoints_ops {
	/*
	 * Sets *record, which lives until `done`.  A stream that is not known yet gets incarnation 1, and is
	 * done as far as its group has got.  Which incarnation it is, its mark says, once a stream was noted
	 * that bears it: one that does not bear it started over, and gets the next incarnation; one that
	 * bears an earlier one's came back, and is that one again.  (A mark that was taken away from the
	 * stream while its group stands where it can stand changes nothing.)  As long as none was noted, a
	 * stream started over when its group is gone and the last id that it generated is below the highest
	 * that was recorded.
	 */
	void (*open_stream)(struct checkpoints *checkpoints, const char *name,
			    const struct stream_state *state, struct stream_record *record,
			    checkpoints_done *done, void *context);

	/* Forward only, and only when the record's incarnation is the stream's still. */
	void (*mark_stream)(struct checkpoints *checkpoints, const char *name,
			    const struct stream_record *record, const struct stream_state *state,
			    checkpoints_done *done, void *context);

	/*
	 * Writes windows down, and that commands are heard until now (heard) or are not (!heard).  A worker's
	 * first window begins where any worker was last known to hear, if that is earlier.  One that begins
	 * at the same instant as one that is written already is that one, and gets its end and its cause.
	 */
	void (*note_blindness)(struct checkpoints *checkpoints, const struct subscription_gap *windows,
			       size_t count, bool heard, checkpoints_done *done, void *context);
};

#endif
