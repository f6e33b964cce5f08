/* A stream of stdio whose bytes are appended to a text. */
#include "core/base/memory_stream.h"

#include "core/base/must.h"

#include <string.h>

#define FIRST_ROOM 1024

struct memory_stream {
	char **text;
	size_t *size;
	size_t room; /* without the NUL */
};

static ssize_t append(void *cookie, const char *bytes, size_t count)
{
	struct memory_stream *stream = cookie;
	size_t size = *stream->size + count;

	if (size > stream->room) {
		while (stream->room < size)
			stream->room *= 2;
		*stream->text = must(realloc(*stream->text, stream->room + 1));
	}
	memcpy(*stream->text + *stream->size, bytes, count);
	*stream->size = size;
	(*stream->text)[size] = '\0';
	return (ssize_t)count;
}

static int release(void *cookie)
{
	free(cookie);
	return 0;
}

FILE *memory_stream_open(char **text, size_t *size)
{
	static const cookie_io_functions_t functions = {.write = append, .close = release};
	struct memory_stream *stream = must_alloc(sizeof *stream);

	*stream = (struct memory_stream){text, size, FIRST_ROOM};
	*text = must_alloc(FIRST_ROOM + 1);
	*size = 0;
	return must(fopencookie(stream, "w", functions));
}
