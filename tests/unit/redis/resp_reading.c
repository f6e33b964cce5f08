/* A reader of replies, and every reply that it returned. */
#include "resp_reading.h"

#include <check.h>
#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct arena *arena;
struct resp_reader reader;
char replies[16384];
enum resp_progress progress;

void begin_reading_with(size_t bulk_max)
{
	resp_reader_release(&reader);
	arena_free(&arena);
	arena = arena_new(64);
	resp_reader_init(&reader, bulk_max, arena);
	replies[0] = '\0';
	progress = RESP_MORE;
}

void begin_reading(void)
{
	begin_reading_with(BULK_MAX);
}

void end_reading(void)
{
	resp_reader_release(&reader);
	arena_free(&arena);
}

__attribute__((format(printf, 1, 2))) static void add_text(const char *format, ...)
{
	size_t size = strlen(replies);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(replies + size, sizeof replies - size, format, arguments);
	va_end(arguments);
}

static void write_reply(const redisReply *reply)
{
	switch (reply->type) {
	case REDIS_REPLY_ARRAY:
		add_text("[");
		for (size_t i = 0; i < reply->elements; i++) {
			add_text(i ? " " : "");
			write_reply(reply->element[i]);
		}
		add_text("]");
		break;
	case REDIS_REPLY_INTEGER:
		add_text(":%lld", reply->integer);
		break;
	case REDIS_REPLY_NIL:
		add_text("nil");
		break;
	case REDIS_REPLY_STRING:
		add_text("'%.*s'", (int)reply->len, reply->str);
		if ((size_t)reply->integer != reply->len)
			add_text(" of %lld", reply->integer);
		break;
	default:
		add_text("%c%s", reply->type == REDIS_REPLY_ERROR ? '-' : '+', reply->str);
	}
}

/* Reads as a connection does, until all bytes are used and no further reply is complete. */
void feed(const char *data, size_t size)
{
	do {
		size_t used;

		progress = resp_reader_next(&reader, data, size, &used);
		ck_assert_uint_le(used, size);
		data += used;
		size -= used;
		if (progress != RESP_WHOLE)
			continue;
		write_reply(reader.reply);
		add_text("\n");
	} while (progress == RESP_WHOLE);
	ck_assert(size == 0 || progress == RESP_BROKEN);
}

void feed_text(const char *text)
{
	feed(text, strlen(text));
}
