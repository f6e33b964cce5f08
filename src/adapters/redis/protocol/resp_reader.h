/*
 * From the bytes on the wire to replies, as hiredis has them, within bounds whatever a peer sends.
 *
 * A frame is one reply or push message: a line, a bulk string or an array of such.  What is longer than it
 * may be is shortened on the way, however long it is, and the rest is never stored: a bulk string to
 * `bulk_max` bytes, those of one array together to twice that, an array to FRAME_ARRAY_MAX elements.  What is
 * no RESP, or too much of it, breaks the stream: nothing after it means anything.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_PROTOCOL_RESP_READER_H
#define ALLOCD_ADAPTERS_REDIS_PROTOCOL_RESP_READER_H

#include "core/base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct redisReply;

/* Status, error and number lines are shorter than this. */
#define FRAME_LINE_MAX 4096

/* Elements of one array that are kept: one that has so many may have had more. */
#define FRAME_ARRAY_MAX 1024

/* Arrays in arrays. */
#define FRAME_DEPTH_MAX 7

/* What all bulk strings of one array keep together. */
#define FRAME_SHARE(bulk_max) (2 * (bulk_max))

/* What a value takes besides its text, about. */
#define FRAME_VALUE_SIZE 128

/* What one frame takes, about; more breaks the stream. */
#define FRAME_MAX(bulk_max) (128 * FRAME_SHARE(bulk_max) + ((size_t)4 << 20))

enum frame_progress {
	FRAME_MORE,   /* all was taken, and the frame goes on */
	FRAME_WHOLE,  /* see `reply` */
	FRAME_BROKEN, /* see `defect` */
};

/* An array that goes on. */
struct frame_array {
	uint64_t left;    /* elements to come; */
	uint64_t dropped; /* of them not kept */
	size_t share;     /* bytes that its bulk strings may still keep */
	struct redisReply *reply;
};

struct frame {
	size_t bulk_max;
	size_t cut_from; /* the true size of the last bulk string that was shortened; 0: none was */
	const char *defect;

	/* Of a frame that is whole, until the next begins.  A bulk string's `integer` is its true size. */
	struct redisReply *reply;

	/* Private to resp_reader.c. */
	struct arena *arena;
	char line[FRAME_LINE_MAX];
	size_t line_size;
	struct frame_array arrays[1 + FRAME_DEPTH_MAX]; /* the first stands for the frame */
	size_t depth;
	size_t room;                      /* of FRAME_MAX */
	char *text;                       /* of the bulk string that goes on: where it goes on; */
	uint64_t kept_left, dropped_left; /* of its bytes; */
	size_t end_left;                  /* of its CR LF */
};

/* Replies are made in the arena, which is cleared by each frame that begins. */
void frame_init(struct frame *frame, size_t bulk_max, struct arena *arena);

/* Takes bytes up to the end of one frame at most, and adds them to *taken. */
enum frame_progress frame_feed(struct frame *frame, const char *data, size_t size, size_t *taken);

/* Whether a reply, or a part of it, is this text. */
bool frame_is_text(const struct redisReply *reply, const char *text);

#endif
