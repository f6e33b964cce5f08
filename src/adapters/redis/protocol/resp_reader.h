/*
 * Parses bytes from the wire into replies: hiredis parses, its callbacks build the replies in an arena, and a
 * guard bounds the buffered bytes, for any input.
 *
 * Long values are shortened, and the rest is never stored: a bulk string keeps `bulk_max` bytes, the bulk
 * strings of one array together keep twice that, and an array keeps RESP_ARRAY_MAX elements.  Bytes that are
 * not RESP2, and replies that exceed RESP_REPLY_MAX, break the stream: nothing after them has a meaning.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_PROTOCOL_RESP_READER_H
#define ALLOCD_ADAPTERS_REDIS_PROTOCOL_RESP_READER_H

#include "core/base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct redisReader;
struct redisReply;

/* The longest line (a status, an error, a number, a length), with its type and its CR LF. */
#define RESP_LINE_MAX 4096

/* Elements of one array that are kept: an array that has this many may have had more. */
#define RESP_ARRAY_MAX 1024

/* Levels of arrays in arrays. */
#define RESP_DEPTH_MAX 7

/* Bytes that the bulk strings of one array keep together. */
#define RESP_SHARE(bulk_max) (2 * (bulk_max))

/* The approximate memory of a value without its text. */
#define RESP_VALUE_SIZE 128

/* The approximate limit on the memory of one reply; a larger one breaks the stream. */
#define RESP_REPLY_MAX(bulk_max) (128 * RESP_SHARE(bulk_max) + ((size_t)4 << 20))

enum resp_progress {
	RESP_MORE,   /* all bytes were used, and no reply is complete */
	RESP_WHOLE,  /* `reply` is complete */
	RESP_BROKEN, /* `defect` says why */
};

/* A bulk string that bypasses hiredis. */
struct long_bulk {
	uint64_t true_size; /* 0: no bulk string bypasses hiredis at the moment */
	char *text;
	size_t kept;      /* bytes of the text that are stored in the end */
	uint64_t to_keep; /* bytes that will still arrive and be kept, */
	uint64_t to_drop; /* and bytes behind them that will be dropped */
};

struct resp_reader {
	const char *defect;

	/* Valid until the next resp_reader_next().  The `integer` of a bulk string is its true size. */
	struct redisReply *reply;

	/* Private to resp_reader.c. */
	struct redisReader *hiredis;
	struct arena *arena;
	size_t bulk_max;
	size_t room;      /* bytes of RESP_REPLY_MAX that this reply has left */
	bool needs_bytes; /* hiredis has parsed all bytes that it was fed */
	struct long_bulk bulk;
};

/* Replies are built in `arena`, which is cleared at the beginning of each reply. */
void resp_reader_init(struct resp_reader *reader, size_t bulk_max, struct arena *arena);

/* Accepts a reader that is all zero. */
void resp_reader_release(struct resp_reader *reader);

/*
 * Reads up to the end of one reply.  *used is the number of bytes that the reader consumed.  They may contain
 * further replies, so call it again, with the bytes that follow or with none, until it returns RESP_MORE.
 */
enum resp_progress resp_reader_next(struct resp_reader *reader, const char *data, size_t size, size_t *used);

/* Whether consumed bytes are left for the next call to parse. */
bool resp_reader_has_unread(const struct resp_reader *reader);

/* Whether a reply, or an element of one, is a bulk string equal to `text`. */
bool resp_is_text(const struct redisReply *reply, const char *text);

#endif
