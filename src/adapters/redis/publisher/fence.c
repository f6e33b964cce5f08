/* Encodes rows as arguments of the fence's script, and decodes its answer. */
#include "adapters/redis/publisher/fence.h"

#include "adapters/redis/protocol/resp_writer.h"
#include "core/base/decimal.h"
#include "core/base/must.h"

#include <assert.h>
#include <event2/buffer.h>
#include <hiredis/hiredis.h>
#include <stdio.h>

/* Lua's numbers are exact up to here. */
#define POSITION_MAX (INT64_C(1) << 53)

/*
 * EVALSHA, hash, number of keys, fences; partition, known, life, length, prefix, system, timeline, first
 * position, counts.
 */
#define HEAD_ARGUMENTS 13

/* The assumed bytes on the wire of an event or a row, without the payload. */
#define OVERHEAD 64

/* ---- a call ---- */

/* Events of a type that this program does not know are left out. */
static size_t count_events(const struct outgoing_row *row)
{
	size_t count = 0;

	for (size_t i = 0; i < row->count; i++)
		count += row->events[i].type != MSG_NONE;
	return count;
}

static size_t size_of(const struct outgoing_row *row)
{
	size_t size = OVERHEAD;

	for (size_t i = 0; i < row->count; i++)
		size += OVERHEAD + row->events[i].payload.size;
	return size;
}

/* A call has at least one row, and ends at a gap, as the script gets the position of only the first row. */
static size_t end_of_call(const struct publication *publication, size_t first)
{
	const struct outgoing_row *rows = publication->rows;
	size_t end = first, size = 0;

	for (; end < publication->row_count; end++) {
		size += size_of(&rows[end]);
		if (end > first &&
		    (size > FENCE_CALL_MAX || rows[end].position != rows[end - 1].position + 1))
			break;
	}
	return end;
}

static size_t count_row_arguments(const struct publication *publication, size_t first, size_t end)
{
	size_t count = 0;

	for (size_t i = first; i < end; i++)
		count += 2 * count_events(&publication->rows[i]);
	return count;
}

static void append_events(struct evbuffer *out, const struct outgoing_row *row)
{
	for (size_t i = 0; i < row->count; i++) {
		if (row->events[i].type == MSG_NONE)
			continue;
		resp_add_argument(out, bytes_of(message_name(row->events[i].type)));
		resp_add_argument(out, row->events[i].payload);
	}
}

/* Appends the number of events of each row, e.g. "2 0 1 ". */
static void append_counts(struct evbuffer *out, const struct publication *publication, size_t first,
			  size_t end)
{
	char *text = must(malloc((end - first) * (DECIMAL_MAX + 1) + 1)), *at = text;

	for (size_t i = first; i < end; i++) {
		at += decimal_format((int64_t)count_events(&publication->rows[i]), at);
		*at++ = ' ';
	}
	resp_add_argument(out, (struct bytes){text, (size_t)(at - text)});
	free(text);
}

/* If there are no rows, the script does not use the position. */
static void append_rows(struct evbuffer *out, const struct publication *publication, size_t first, size_t end)
{
	int64_t position = first < end ? publication->rows[first].position : 0;

	assert(position >= 0 && position <= POSITION_MAX - (int64_t)(end - first));
	resp_add_number(out, position);
	append_counts(out, publication, first, end);
	for (size_t i = first; i < end; i++)
		append_events(out, &publication->rows[i]);
}

static void append_fences(struct evbuffer *out, const struct fence *fence, const char *incarnation)
{
	char *key = must_printf("%sallocd:fence:%s", fence->prefix, incarnation);

	resp_add_argument(out, bytes_of(key));
	free(key);
}

static void append_head(struct evbuffer *out, const struct fence *fence,
			const struct publication *publication, int64_t known)
{
	resp_add_argument(out, bytes_of("EVALSHA"));
	resp_add_argument(out, bytes_of(fence->hash));
	resp_add_number(out, fence->event_stream ? 2 : 1);
	append_fences(out, fence, publication->incarnation);
	if (fence->event_stream)
		resp_add_argument(out, bytes_of(fence->event_stream));
	resp_add_number(out, publication->partition);
	resp_add_number(out, known);
	resp_add_number(out, FENCE_LIFE_MS);
	resp_add_number(out, EVENT_STREAM_LENGTH);
	resp_add_argument(out, bytes_of(fence->prefix));
	resp_add_argument(out, bytes_of(publication->system ? publication->system : ""));
	resp_add_argument(out, bytes_of(publication->timeline ? publication->timeline : ""));
}

size_t fence_append(struct evbuffer *out, const struct fence *fence, const struct publication *publication,
		    size_t first, int64_t known)
{
	size_t end = end_of_call(publication, first);
	size_t head = fence->event_stream ? HEAD_ARGUMENTS + 1 : HEAD_ARGUMENTS;

	resp_begin_command(out, head + count_row_arguments(publication, first, end));
	append_head(out, fence, publication, known);
	append_rows(out, publication, first, end);
	return end;
}

/* ---- its answer ---- */

static bool is_number(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_INTEGER;
}

struct fence_answer fence_answer_of(const struct redisReply *reply, int64_t known)
{
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 3 || !is_number(reply->element[0]) ||
	    !is_number(reply->element[1]) || reply->element[2]->type != REDIS_REPLY_ARRAY)
		return (struct fence_answer){.position = known, .refusal = reply};
	return (struct fence_answer){
		.position = reply->element[0]->integer,
		.events = (size_t)reply->element[1]->integer,
		.unheard = reply->element[2],
		.refusal = reply->elements > 3 ? reply->element[3] : NULL,
	};
}
