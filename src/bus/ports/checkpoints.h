/*
 * Port: durable checkpoints, which the worker needs after a crash and operators ask for: how far streams were
 * read, when pub/sub was not subscribed, and which of its messages are dead letters.
 *
 * Every call answers exactly once, through its callback, never before it returns.  Several may be under way;
 * they are answered in the order of the calls.  Every call may be repeated.  Arguments are copied.
 */
#ifndef ALLOCD_BUS_PORTS_CHECKPOINTS_H
#define ALLOCD_BUS_PORTS_CHECKPOINTS_H

#include "bus/ports/failure.h"
#include "bus/ports/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The checkpoint of a stream. */
struct stream_record {
	/*
	 * Counts how often the stream started over.  Together with it the id of an entry is unique: a stream
	 * that was deleted may give the same ids again.
	 */
	int64_t incarnation;
	struct stream_id done; /* every entry of this incarnation up to here was handled and acknowledged */

	char life[STREAM_LIFE_MAX]; /* the mark of this incarnation, which its stream bears */
	bool began_again;           /* the stream started over since it was last opened */
};

/* A time during which pub/sub was not subscribed, as instants. */
struct subscription_gap {
	int64_t since; /* certainly no message was missed before this */
	int64_t until;
	const char *cause;
	bool is_first; /* of this worker, which does not know what happened before; see note_blindness */
};

/* A message that was published on a channel, by its shared name and by its id; NULL: not by that one. */
struct dead_question {
	const char *channel, *name, *id;
};

typedef void checkpoints_done(void *context, const struct failure *failure);

struct checkpoints {
	const struct checkpoints_ops *ops;
};

struct checkpoints_ops {
	/*
	 * Sets *record, which must live until `done`.  A stream without a checkpoint gets incarnation 1, and
	 * is done as far as its group has read.
	 *
	 * Once a stream was recorded with a mark, the mark identifies the incarnation.  A stream without it
	 * started over, and gets the next incarnation; a stream with the mark of an earlier incarnation was
	 * restored, and is that incarnation again.  (A mark that was deleted while the group's position is
	 * still possible changes nothing.)  Before any mark was recorded, a stream started over if its group
	 * is gone and the last id that it generated is below the highest id recorded.
	 */
	void (*open_stream)(struct checkpoints *checkpoints, const char *name,
			    const struct stream_state *state, struct stream_record *record,
			    checkpoints_done *done, void *context);

	/*
	 * Moves the checkpoint forward, never backward, and only while the record's incarnation is current.
	 */
	void (*mark_stream)(struct checkpoints *checkpoints, const char *name,
			    const struct stream_record *record, const struct stream_state *state,
			    checkpoints_done *done, void *context);

	/*
	 * Records gaps, and whether the worker is subscribed now (`is_subscribed`).  A worker's first gap
	 * begins when any worker was last known to be subscribed, if that is earlier.  A gap that begins at
	 * the same instant as a recorded one replaces that one's end and cause.
	 */
	void (*note_blindness)(struct checkpoints *checkpoints, const struct subscription_gap *windows,
			       size_t count, bool is_subscribed, checkpoints_done *done, void *context);

	/*
	 * Sets found[i], which must live until `done`, to whether there is a dead letter of that channel with
	 * that name or id.
	 */
	void (*find_dead)(struct checkpoints *checkpoints, const struct dead_question *questions,
			  size_t count, bool *found, checkpoints_done *done, void *context);
};

#endif
