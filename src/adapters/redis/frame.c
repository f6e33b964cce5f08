/* A RESP2 scanner that counts; what it lets through hiredis builds at once, value by value. */
#include "adapters/redis/frame.h"

#include "core/must.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

/* No Redis can be told to send longer ones in earnest: this is garbage. */
#define LENGTH_MAX   ((int64_t)1 << 40)
#define ELEMENTS_MAX ((int64_t)1 << 29)

/* What a value takes besides its text, about. */
#define VALUE_SIZE 128

static bool broken(struct frame *frame, const char *defect)
{
	frame->defect = defect;
	return false;
}

static bool pass(struct frame *frame, const char *data, size_t size)
{
	if (redisReaderFeed(frame->reader, data, size) != REDIS_OK)
		return broken(frame, "out of memory");
	return true;
}

static void begin(struct frame *frame)
{
	frame->cut_from = 0;
	frame->depth = 0;
	frame->arrays[0] = (struct frame_array){1, 0, FRAME_SHARE(frame->bulk_max)};
	frame->room = FRAME_MAX(frame->bulk_max);
}

/* ---- values ---- */

static struct frame_array *array_of(struct frame *frame)
{
	return &frame->arrays[frame->depth];
}

/* Whether the next value is part of the reply. */
static bool is_kept(struct frame *frame)
{
	return array_of(frame)->left > array_of(frame)->dropped;
}

static bool take_room(struct frame *frame, size_t size)
{
	if (size > frame->room)
		return broken(frame, "a frame that is too large");
	frame->room -= size;
	return true;
}

/* The reader builds the value that it was fed with, and so holds the bytes of one at most. */
static bool build(struct frame *frame)
{
	void *reply = NULL;

	if (redisReaderGetReply(frame->reader, &reply) != REDIS_OK)
		return broken(frame, frame->reader->errstr);
	if (reply)
		frame->reply = reply;
	return true;
}

/* It may be the last one of its array, and that one of its own. */
static bool end_value(struct frame *frame, bool kept)
{
	array_of(frame)->left--;
	while (frame->depth && !array_of(frame)->left) {
		frame->depth--;
		array_of(frame)->left--;
	}
	return !kept || build(frame);
}

/* What hiredis builds for a bulk string, and its true size. */
static void *build_string(const redisReadTask *task, char *text, size_t size)
{
	const struct frame *frame = task->privdata;
	redisReply *reply = frame->hiredis->createString(task, text, size);

	if (reply && task->type == REDIS_REPLY_STRING)
		reply->integer = (long long)frame->true_size;
	return reply;
}

/* ---- lines ---- */

/* The length after $ or *; -1 stands for nil. */
static bool parse_length(const char *text, size_t size, int64_t *length)
{
	bool is_nil = size == 2 && !memcmp(text, "-1", 2);

	*length = is_nil ? -1 : 0;
	for (size_t i = 0; i < size && !is_nil; i++) {
		if (text[i] < '0' || text[i] > '9' || *length > LENGTH_MAX)
			return false;
		*length = *length * 10 + (text[i] - '0');
	}
	return size > 0 && *length <= LENGTH_MAX;
}

static size_t smaller(uint64_t left, size_t size)
{
	return left < size ? (size_t)left : size;
}

/* The reader is told a length that it can hold. */
static bool begin_bulk(struct frame *frame, uint64_t length, bool kept)
{
	size_t *share = &array_of(frame)->share;
	size_t size = kept ? smaller(length, smaller(frame->bulk_max, *share)) : 0;
	char header[32];

	*share -= size;
	frame->true_size = length;
	frame->kept_left = size;
	frame->dropped_left = length - size;
	frame->end_left = 2;
	frame->is_dropped = !kept;
	if (kept && size < length)
		frame->cut_from = (size_t)length;
	return !kept || (take_room(frame, size) &&
			 pass(frame, header, (size_t)snprintf(header, sizeof header, "$%zu\r\n", size)));
}

/* The value that an array is ends with its last element. */
static bool begin_array(struct frame *frame, uint64_t length, bool kept)
{
	size_t size = kept ? smaller(length, FRAME_ARRAY_MAX) : 0;
	char header[32];

	if (length > (uint64_t)ELEMENTS_MAX)
		return broken(frame, "an array that is too long");
	if (frame->depth == FRAME_DEPTH_MAX)
		return broken(frame, "arrays that are nested too deeply");
	frame->arrays[++frame->depth] =
		(struct frame_array){length, length - size, FRAME_SHARE(frame->bulk_max)};
	return !kept || (pass(frame, header, (size_t)snprintf(header, sizeof header, "*%zu\r\n", size)) &&
			 build(frame));
}

/* A whole line, with its CR LF, that begins a value or is one. */
static bool take_line(struct frame *frame)
{
	const char *line = frame->line;
	size_t size = frame->line_size;
	bool kept = is_kept(frame);
	int64_t length = 0;

	frame->line_size = 0;
	if (size < 3 || line[size - 2] != '\r')
		return broken(frame, "a line that does not end with CR LF");
	if (memchr("$*", line[0], 2) && !parse_length(line + 1, size - 3, &length))
		return broken(frame, "a length that is none");
	if (kept && !take_room(frame, VALUE_SIZE))
		return false;
	if (line[0] == '$' && length >= 0)
		return begin_bulk(frame, (uint64_t)length, kept);
	if (line[0] == '*' && length > 0)
		return begin_array(frame, (uint64_t)length, kept);
	return (!kept || pass(frame, line, size)) && end_value(frame, kept);
}

static bool feed_line(struct frame *frame, const char *data, size_t size, size_t *taken)
{
	const char *newline = memchr(data, '\n', size);
	size_t length = newline ? (size_t)(newline - data) + 1 : size;

	if (!frame->line_size && !memchr("+-:$*", data[0], 5))
		return broken(frame, "a value of no known type");
	if (length > sizeof frame->line - frame->line_size)
		return broken(frame, "a line that is too long");
	memcpy(frame->line + frame->line_size, data, length);
	frame->line_size += length;
	*taken = length;
	return !newline || take_line(frame);
}

/* ---- bulk strings ---- */

static bool feed_end(struct frame *frame, const char *data, size_t *taken)
{
	if (data[0] != "\n\r"[frame->end_left - 1])
		return broken(frame, "a bulk string that does not end where it said");
	frame->end_left--;
	*taken = 1;
	if (!frame->is_dropped && !pass(frame, data, 1))
		return false;
	return frame->end_left || end_value(frame, !frame->is_dropped);
}

static bool feed_bulk(struct frame *frame, const char *data, size_t size, size_t *taken)
{
	if (frame->kept_left) {
		*taken = smaller(frame->kept_left, size);
		frame->kept_left -= *taken;
		return pass(frame, data, *taken);
	}
	if (frame->dropped_left) {
		*taken = smaller(frame->dropped_left, size);
		frame->dropped_left -= *taken;
		return true;
	}
	return feed_end(frame, data, taken);
}

/* ---- the frame ---- */

/* A piece that belongs together; *taken is set unless it is broken. */
static bool feed_piece(struct frame *frame, const char *data, size_t size, size_t *taken)
{
	return frame->end_left ? feed_bulk(frame, data, size, taken) : feed_line(frame, data, size, taken);
}

static bool is_whole(const struct frame *frame)
{
	return !frame->arrays[0].left && !frame->end_left && !frame->line_size;
}

enum frame_progress frame_feed(struct frame *frame, const char *data, size_t size, size_t *taken)
{
	while (size && !frame->defect) {
		size_t piece = 0;

		if (is_whole(frame))
			begin(frame);
		if (!feed_piece(frame, data, size, &piece))
			break;
		data += piece;
		size -= piece;
		*taken += piece;
		if (is_whole(frame))
			return FRAME_WHOLE;
	}
	return frame->defect ? FRAME_BROKEN : FRAME_MORE;
}

struct redisReply *frame_take(struct frame *frame)
{
	redisReply *reply = frame->reply;

	frame->reply = NULL;
	return reply;
}

bool frame_is_text(const redisReply *reply, const char *text)
{
	return reply->type == REDIS_REPLY_STRING && reply->len == strlen(text) &&
	       memcmp(reply->str, text, reply->len) == 0;
}

void frame_init(struct frame *frame, size_t bulk_max)
{
	memset(frame, 0, sizeof *frame);
	frame->bulk_max = bulk_max;
	frame->reader = must(redisReaderCreate());
	frame->reader->privdata = frame;
	frame->hiredis = frame->reader->fn;
	frame->builders = *frame->hiredis;
	frame->builders.createString = build_string;
	frame->reader->fn = &frame->builders;
}

void frame_release(struct frame *frame)
{
	if (frame->reader)
		redisReaderFree(frame->reader);
	if (frame->reply)
		freeReplyObject(frame->reply);
	frame->reader = NULL;
	frame->reply = NULL;
}
