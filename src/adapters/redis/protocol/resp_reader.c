/* A RESP2 parser that counts: what is kept of a value is copied once, to where the reply is. */
#include "adapters/redis/protocol/resp_reader.h"

#include <hiredis/hiredis.h>
#include <string.h>

/* No Redis can be told to send longer ones in earnest: this is garbage. */
#define LENGTH_MAX   ((int64_t)1 << 40)
#define ELEMENTS_MAX ((int64_t)1 << 29)

static bool broken(struct frame *frame, const char *defect)
{
	frame->defect = defect;
	return false;
}

/* What was taken is not needed any more. */
static void begin(struct frame *frame)
{
	arena_clear(frame->arena);
	frame->cut_from = 0;
	frame->depth = 0;
	frame->arrays[0] = (struct frame_array){.left = 1, .share = FRAME_SHARE(frame->bulk_max)};
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

static redisReply *add_value(struct frame *frame, int type)
{
	redisReply *reply = arena_alloc(frame->arena, sizeof *reply), *array = array_of(frame)->reply;

	reply->type = type;
	if (array)
		array->element[array->elements++] = reply;
	else
		frame->reply = reply;
	return reply;
}

/* It may be the last one of its array, and that one of its own. */
static void end_value(struct frame *frame)
{
	array_of(frame)->left--;
	while (frame->depth && !array_of(frame)->left) {
		frame->depth--;
		array_of(frame)->left--;
	}
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

/* Below zero, for that reaches further. */
static bool parse_integer(const char *text, size_t size, long long *number)
{
	bool is_negative = size > 0 && *text == '-';
	size_t first = is_negative ? 1 : 0;

	*number = 0;
	for (size_t i = first; i < size; i++) {
		if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(*number, 10, number) ||
		    __builtin_sub_overflow(*number, text[i] - '0', number))
			return false;
	}
	return size > first && (is_negative || !__builtin_sub_overflow(0, *number, number));
}

static size_t smaller(uint64_t left, size_t size)
{
	return left < size ? (size_t)left : size;
}

static bool begin_bulk(struct frame *frame, uint64_t length, bool kept)
{
	size_t *share = &array_of(frame)->share;
	size_t size = kept ? smaller(length, smaller(frame->bulk_max, *share)) : 0;
	redisReply *reply;

	*share -= size;
	frame->kept_left = size;
	frame->dropped_left = length - size;
	frame->end_left = 2;
	if (!kept)
		return true;
	if (size < length)
		frame->cut_from = (size_t)length;
	if (!take_room(frame, size))
		return false;
	reply = add_value(frame, REDIS_REPLY_STRING);
	reply->integer = (long long)length;
	reply->len = size;
	reply->str = frame->text = arena_alloc(frame->arena, size + 1);
	return true;
}

/* The value that an array is ends with its last element. */
static bool begin_array(struct frame *frame, uint64_t length, bool kept)
{
	size_t size = kept ? smaller(length, FRAME_ARRAY_MAX) : 0;
	redisReply *reply = NULL;

	if (length > (uint64_t)ELEMENTS_MAX)
		return broken(frame, "an array that is too long");
	if (frame->depth == FRAME_DEPTH_MAX)
		return broken(frame, "arrays that are nested too deeply");
	if (kept) {
		reply = add_value(frame, REDIS_REPLY_ARRAY);
		reply->element = arena_alloc(frame->arena, size * sizeof *reply->element);
	}
	frame->arrays[++frame->depth] =
		(struct frame_array){length, length - size, FRAME_SHARE(frame->bulk_max), reply};
	return true;
}

static void add_text(struct frame *frame, int type, const char *text, size_t size)
{
	redisReply *reply = add_value(frame, type);

	reply->len = size;
	reply->str = arena_text(frame->arena, text, size);
}

/* A value that is a line: what is left of its type, and its text. */
static bool add_line(struct frame *frame, char type, const char *text, size_t size)
{
	long long number;

	if (type == '$') {
		add_value(frame, REDIS_REPLY_NIL);
	} else if (type == '*') {
		add_value(frame, *text == '-' ? REDIS_REPLY_NIL : REDIS_REPLY_ARRAY);
	} else if (type != ':') {
		add_text(frame, type == '-' ? REDIS_REPLY_ERROR : REDIS_REPLY_STATUS, text, size);
	} else {
		if (!parse_integer(text, size, &number))
			return broken(frame, "a number that is none");
		add_value(frame, REDIS_REPLY_INTEGER)->integer = number;
	}
	return true;
}

/* A whole line, with its CR LF, that begins a value or is one. */
static bool take_line(struct frame *frame, const char *line, size_t size)
{
	bool kept = is_kept(frame);
	int64_t length = 0;

	if (size < 3 || line[size - 2] != '\r')
		return broken(frame, "a line that does not end with CR LF");
	if (memchr("$*", line[0], 2) && !parse_length(line + 1, size - 3, &length))
		return broken(frame, "a length that is none");
	if (kept && !take_room(frame, FRAME_VALUE_SIZE + size))
		return false;
	if (line[0] == '$' && length >= 0)
		return begin_bulk(frame, (uint64_t)length, kept);
	if (line[0] == '*' && length > 0)
		return begin_array(frame, (uint64_t)length, kept);
	if (kept && !add_line(frame, line[0], line + 1, size - 3))
		return false;
	end_value(frame);
	return true;
}

/* One that comes in pieces is put together first. */
static bool feed_line(struct frame *frame, const char *data, size_t size, size_t *taken)
{
	const char *newline = memchr(data, '\n', size), *line = data;
	size_t length = newline ? (size_t)(newline - data) + 1 : size, line_size = length;

	if (!frame->line_size && !memchr("+-:$*", data[0], 5))
		return broken(frame, "a value of no known type");
	if (length > sizeof frame->line - frame->line_size)
		return broken(frame, "a line that is too long");
	if (frame->line_size || !newline) {
		memcpy(frame->line + frame->line_size, data, length);
		line = frame->line;
		line_size = frame->line_size += length;
	}
	*taken = length;
	if (!newline)
		return true;
	frame->line_size = 0;
	return take_line(frame, line, line_size);
}

/* ---- bulk strings ---- */

static bool feed_end(struct frame *frame, const char *data, size_t *taken)
{
	if (data[0] != "\n\r"[frame->end_left - 1])
		return broken(frame, "a bulk string that does not end where it said");
	*taken = 1;
	if (!--frame->end_left)
		end_value(frame);
	return true;
}

static bool feed_bulk(struct frame *frame, const char *data, size_t size, size_t *taken)
{
	if (frame->kept_left) {
		*taken = smaller(frame->kept_left, size);
		memcpy(frame->text, data, *taken);
		frame->text += *taken;
		frame->kept_left -= *taken;
		return true;
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

bool frame_is_text(const redisReply *reply, const char *text)
{
	return reply->type == REDIS_REPLY_STRING && reply->len == strlen(text) &&
	       memcmp(reply->str, text, reply->len) == 0;
}

void frame_init(struct frame *frame, size_t bulk_max, struct arena *arena)
{
	memset(frame, 0, sizeof *frame);
	frame->bulk_max = bulk_max;
	frame->arena = arena;
}
