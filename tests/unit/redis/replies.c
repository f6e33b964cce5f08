/* Replies for tests. */
#include "replies.h"

#include "adapters/redis/protocol/resp_reader.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

redisReply *reply_of(const char *wire)
{
	static struct arena *arena;
	struct resp_reader reader;
	size_t used;

	arena_free(&arena);
	arena = arena_new(1024);
	resp_reader_init(&reader, 65536, arena);
	ck_assert_int_eq(resp_reader_next(&reader, wire, strlen(wire), &used), RESP_WHOLE);
	resp_reader_release(&reader);
	return reader.reply;
}

/* ---- from text to the wire ---- */

struct wire {
	const char *at; /* in the text */
	char bytes[32768];
};

__attribute__((format(printf, 2, 3))) static void add(struct wire *wire, const char *format, ...)
{
	size_t size = strlen(wire->bytes);
	va_list arguments;

	va_start(arguments, format);
	size += (size_t)vsnprintf(wire->bytes + size, sizeof wire->bytes - size, format, arguments);
	va_end(arguments);
	ck_assert_uint_lt(size, sizeof wire->bytes);
}

static void write_value(struct wire *wire);

/* Its elements are counted first, behind the place where the count goes. */
static void write_array(struct wire *wire)
{
	size_t start = strlen(wire->bytes);
	char *elements;
	int count = 0;

	for (wire->at++; *wire->at != ']'; count++)
		write_value(wire);
	wire->at++;
	elements = strdup(wire->bytes + start);
	wire->bytes[start] = '\0';
	add(wire, "*%d\r\n%s", count, elements);
	free(elements);
}

static void write_value(struct wire *wire)
{
	wire->at += strspn(wire->at, " ");
	if (*wire->at == '[') {
		write_array(wire);
	} else if (*wire->at == '\'') {
		int size = (int)strcspn(++wire->at, "'");

		add(wire, "$%d\r\n%.*s\r\n", size, size, wire->at);
		wire->at += size + 1;
	} else {
		int size = (int)strcspn(wire->at, *wire->at == '-' ? "" : " ]");

		if (*wire->at == 'n')
			add(wire, "*-1\r\n");
		else
			add(wire, "%.*s\r\n", size, wire->at);
		wire->at += size;
	}
	wire->at += strspn(wire->at, " ");
}

redisReply *reply_written(const char *text)
{
	struct wire wire = {.at = text};

	write_value(&wire);
	return reply_of(wire.bytes);
}
