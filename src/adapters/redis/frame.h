/*
 * Finds where a RESP frame ends, and keeps what a peer sends within bounds before hiredis' reader buffers it.
 *
 * A frame is one reply or push message: a line, a bulk string or an array of such.  Bulk strings longer than
 * a limit are shortened to it on the way, whatever their length: the rest is never stored.  What is no RESP,
 * or too much of it, breaks the stream: nothing after it means anything.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_FRAME_H
#define ALLOCD_ADAPTERS_REDIS_FRAME_H

#include <stddef.h>
#include <stdint.h>

struct redisReader;

/* Status, error and number lines are shorter than this. */
#define FRAME_LINE_MAX 4096

/* Values in one frame, arrays included. */
#define FRAME_VALUES_MAX 64

enum frame_progress {
	FRAME_MORE,   /* all was taken, and the frame goes on */
	FRAME_WHOLE,  /* the reader has a whole frame */
	FRAME_BROKEN, /* see `defect` */
};

struct frame {
	size_t bulk_max;
	size_t cut_from; /* the true size of the last bulk string that was shortened; 0: none was */
	const char *defect;

	/* Private to frame.c. */
	char line[FRAME_LINE_MAX];
	size_t line_size;
	size_t values, values_left;
	uint64_t kept_left, dropped_left; /* of the bulk string that goes on */
	size_t end_left;                  /* of its CR LF */
};

/* Bulk strings keep `bulk_max` bytes. */
void frame_init(struct frame *frame, size_t bulk_max);

/* Takes bytes up to the end of one frame at most, feeds the reader with them and adds them to *taken. */
enum frame_progress frame_feed(struct frame *frame, struct redisReader *reader, const char *data, size_t size,
			       size_t *taken);

#endif
