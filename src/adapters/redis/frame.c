/* A RESP2 scanner that counts instead of building anything. */
#include "adapters/redis/frame.h"

#include <hiredis/read.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* No Redis can be told to send a longer one in earnest: this is garbage. */
#define LENGTH_MAX ((int64_t)1 << 40)

void frame_init(struct frame *frame, size_t bulk_max)
{
	memset(frame, 0, sizeof *frame);
	frame->bulk_max = bulk_max;
}

static bool broken(struct frame *frame, const char *defect)
{
	frame->defect = defect;
	return false;
}

static bool pass(struct frame *frame, redisReader *reader, const char *data, size_t size)
{
	if (redisReaderFeed(reader, data, size) != REDIS_OK)
		return broken(frame, "out of memory");
	return true;
}

static void begin(struct frame *frame)
{
	frame->cut_from = 0;
	frame->values = 0;
	frame->values_left = 1;
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

/* The reader is told a length that it can hold. */
static bool begin_bulk(struct frame *frame, redisReader *reader, uint64_t length)
{
	uint64_t kept = length < frame->bulk_max ? length : frame->bulk_max;
	char header[32];
	int size = snprintf(header, sizeof header, "$%zu\r\n", (size_t)kept);

	frame->kept_left = kept;
	frame->dropped_left = length - kept;
	frame->end_left = 2;
	if (frame->dropped_left)
		frame->cut_from = (size_t)length;
	return pass(frame, reader, header, (size_t)size);
}

static bool begin_array(struct frame *frame, uint64_t length)
{
	if (length > FRAME_VALUES_MAX - frame->values - frame->values_left)
		return broken(frame, "an array that is too long");
	frame->values_left += (size_t)length;
	return true;
}

/* A whole line, with its CR LF, that begins a value or is one. */
static bool take_line(struct frame *frame, redisReader *reader)
{
	const char *line = frame->line;
	size_t size = frame->line_size;
	int64_t length;

	frame->line_size = 0;
	if (size < 3 || line[size - 2] != '\r')
		return broken(frame, "a line that does not end with CR LF");
	frame->values++;
	frame->values_left--;
	if (line[0] != '$' && line[0] != '*')
		return pass(frame, reader, line, size);
	if (!parse_length(line + 1, size - 3, &length))
		return broken(frame, "a length that is none");
	if (length >= 0 && line[0] == '$')
		return begin_bulk(frame, reader, (uint64_t)length);
	return (length < 0 || begin_array(frame, (uint64_t)length)) && pass(frame, reader, line, size);
}

static bool feed_line(struct frame *frame, redisReader *reader, const char *data, size_t size, size_t *taken)
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
	return !newline || take_line(frame, reader);
}

/* ---- bulk strings ---- */

static size_t smaller(uint64_t left, size_t size)
{
	return left < size ? (size_t)left : size;
}

static bool feed_end(struct frame *frame, redisReader *reader, const char *data, size_t *taken)
{
	if (data[0] != "\n\r"[frame->end_left - 1])
		return broken(frame, "a bulk string that does not end where it said");
	frame->end_left--;
	*taken = 1;
	return pass(frame, reader, data, 1);
}

static bool feed_bulk(struct frame *frame, redisReader *reader, const char *data, size_t size, size_t *taken)
{
	if (frame->kept_left) {
		*taken = smaller(frame->kept_left, size);
		frame->kept_left -= *taken;
		return pass(frame, reader, data, *taken);
	}
	if (frame->dropped_left) {
		*taken = smaller(frame->dropped_left, size);
		frame->dropped_left -= *taken;
		return true;
	}
	return feed_end(frame, reader, data, taken);
}

/* ---- the frame ---- */

/* A piece that belongs together; *taken is set unless it is broken. */
static bool feed_piece(struct frame *frame, redisReader *reader, const char *data, size_t size, size_t *taken)
{
	return frame->end_left ? feed_bulk(frame, reader, data, size, taken)
			       : feed_line(frame, reader, data, size, taken);
}

static bool is_whole(const struct frame *frame)
{
	return !frame->values_left && !frame->end_left && !frame->line_size;
}

enum frame_progress frame_feed(struct frame *frame, redisReader *reader, const char *data, size_t size,
			       size_t *taken)
{
	while (size && !frame->defect) {
		size_t piece = 0;

		if (is_whole(frame))
			begin(frame);
		if (!feed_piece(frame, reader, data, size, &piece))
			break;
		data += piece;
		size -= piece;
		*taken += piece;
		if (is_whole(frame))
			return FRAME_WHOLE;
	}
	return frame->defect ? FRAME_BROKEN : FRAME_MORE;
}
