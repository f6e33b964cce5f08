/* An array of bulk strings. */
#include "adapters/redis/command.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bytes bytes_of(const char *text)
{
	return (struct bytes){text ? text : "", text ? strlen(text) : 0};
}

static void add(struct evbuffer *out, const void *data, size_t size)
{
	if (evbuffer_add(out, data, size) < 0)
		abort();
}

/* "*3" CR LF: how many arguments follow; "$5" CR LF: how many bytes. */
static void add_count(struct evbuffer *out, char type, size_t count)
{
	char line[32];

	add(out, line, (size_t)snprintf(line, sizeof line, "%c%zu\r\n", type, count));
}

void command_begin(struct evbuffer *out, size_t count)
{
	add_count(out, '*', count);
}

void command_argument(struct evbuffer *out, struct bytes argument)
{
	add_count(out, '$', argument.size);
	add(out, argument.data, argument.size);
	add(out, "\r\n", 2);
}

void command_number(struct evbuffer *out, int64_t number)
{
	char text[32];

	snprintf(text, sizeof text, "%lld", (long long)number);
	command_argument(out, bytes_of(text));
}

void command_append(struct evbuffer *out, const struct bytes *arguments, size_t count)
{
	command_begin(out, count);
	for (size_t i = 0; i < count; i++)
		command_argument(out, arguments[i]);
}
