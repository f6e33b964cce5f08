/* hiredis formats, libevent carries. */
#include "adapters/redis/command.h"

#include "core/must.h"

#include <assert.h>
#include <event2/buffer.h>
#include <hiredis/hiredis.h>
#include <string.h>

struct bytes bytes_of(const char *text)
{
	return (struct bytes){text ? text : "", text ? strlen(text) : 0};
}

void command_append(struct evbuffer *out, const struct bytes *arguments, size_t count)
{
	const char *texts[COMMAND_ARGUMENTS_MAX];
	size_t sizes[COMMAND_ARGUMENTS_MAX];
	char *command;
	int size;

	assert(count <= COMMAND_ARGUMENTS_MAX);
	for (size_t i = 0; i < count; i++) {
		texts[i] = arguments[i].data;
		sizes[i] = arguments[i].size;
	}
	size = redisFormatCommandArgv(&command, (int)count, texts, sizes);
	if (size < 0 || evbuffer_add(out, command, (size_t)size) < 0)
		abort();
	redisFreeCommand(command);
}
