/*
 * A command is an array of bulk strings.  hiredis formats commands that are appended as a whole.  Arguments
 * that are added one by one (the events of a call of the fence's script, the ids of an XACK) are written to
 * the evbuffer directly, because hiredis needs 1.9 times the instructions per argument.
 */
#include "adapters/redis/protocol/resp_writer.h"

#include "core/base/decimal.h"
#include "core/base/must.h"

#include <assert.h>
#include <event2/buffer.h>
#include <hiredis/hiredis.h>
#include <string.h>

/* The longest count on the wire: its type, its digits, CR LF. */
#define COUNT_MAX (1 + DECIMAL_MAX + 2)

/* Nearly all arguments are shorter. */
#define SHORT_MAX 512

struct bytes bytes_of(const char *text)
{
	return (struct bytes){text ? text : "", text ? strlen(text) : 0};
}

static void add(struct evbuffer *out, const void *data, size_t size)
{
	if (evbuffer_add(out, data, size) < 0)
		must(NULL);
}

/* Writes "*3" CR LF (3 arguments follow) or "$5" CR LF (5 bytes follow).  Returns the end of it. */
static char *write_count(char *at, char type, size_t count)
{
	*at++ = type;
	at += decimal_format_unsigned(count, at);
	*at++ = '\r';
	*at++ = '\n';
	return at;
}

void resp_begin_command(struct evbuffer *out, size_t count)
{
	char line[COUNT_MAX];

	add(out, line, (size_t)(write_count(line, '*', count) - line));
}

static void add_short(struct evbuffer *out, struct bytes argument)
{
	char text[COUNT_MAX + SHORT_MAX + 2], *at = write_count(text, '$', argument.size);

	if (argument.size)
		memcpy(at, argument.data, argument.size);
	at += argument.size;
	*at++ = '\r';
	*at++ = '\n';
	add(out, text, (size_t)(at - text));
}

static void add_long(struct evbuffer *out, struct bytes argument)
{
	char line[COUNT_MAX];

	add(out, line, (size_t)(write_count(line, '$', argument.size) - line));
	add(out, argument.data, argument.size);
	add(out, "\r\n", 2);
}

/* Copying a short argument once more costs less than calling libevent three times. */
void resp_add_argument(struct evbuffer *out, struct bytes argument)
{
	if (argument.size <= SHORT_MAX)
		add_short(out, argument);
	else
		add_long(out, argument);
}

void resp_add_number(struct evbuffer *out, int64_t number)
{
	char text[DECIMAL_MAX];

	resp_add_argument(out, (struct bytes){text, decimal_format(number, text)});
}

void resp_append_command(struct evbuffer *out, const struct bytes *arguments, size_t count)
{
	const char *texts[RESP_ARGUMENTS_MAX];
	size_t sizes[RESP_ARGUMENTS_MAX];
	char *command = NULL;
	long long length;

	assert(count <= RESP_ARGUMENTS_MAX);
	for (size_t i = 0; i < count; i++) {
		texts[i] = arguments[i].size ? arguments[i].data : "";
		sizes[i] = arguments[i].size;
	}
	length = redisFormatSdsCommandArgv(&command, (int)count, texts, sizes);
	if (length < 0)
		must(NULL);
	add(out, command, (size_t)length);
	redisFreeSdsCommand(command);
}
