/* Reads a secret's file to its end; a pipe, and some file systems, deliver a text in pieces. */
#include "entrypoints/config/secret_file.h"

#include "adapters/system/instants.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Waits for input or the end of the file.  False, with errno, when neither comes before the deadline. */
static bool wait_for_input(int file, int64_t deadline_ms)
{
	struct pollfd wanted = {.fd = file, .events = POLLIN};
	int64_t left_ms = deadline_ms - monotonic_ms();
	int ready = poll(&wanted, 1, left_ms > 0 ? (int)left_ms : 0);

	if (ready == 0)
		errno = ETIMEDOUT;
	return ready > 0;
}

/* Reads up to `size` bytes, in one or more pieces.  Negative, with errno, on failure. */
static ssize_t read_to_end(int file, char *text, size_t size, int wait_ms)
{
	int64_t deadline_ms = monotonic_ms() + wait_ms;
	size_t length = 0;

	while (length < size) {
		ssize_t piece =
			wait_for_input(file, deadline_ms) ? read(file, text + length, size - length) : -1;

		if (piece == 0)
			break;
		if (piece < 0 && errno != EAGAIN && errno != EINTR)
			return -1;
		length += piece > 0 ? (size_t)piece : 0;
	}
	return (ssize_t)length;
}

/* What is wrong with a text of that size, or NULL. */
static const char *defect_of(const char *text, ssize_t size)
{
	if (size < 0)
		return strerror(errno);
	if (size > SECRET_FILE_MAX)
		return "it is longer than 4096 bytes";
	return memchr(text, '\0', (size_t)size) ? "it holds a NUL byte" : NULL;
}

static bool keep_text(struct secret_file *file, const char *path, const char *text, ssize_t size,
		      struct arena *arena, const char **error)
{
	const char *defect = defect_of(text, size);

	while (!defect && size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r'))
		size--;
	if (defect)
		*error = arena_printf(arena, "cannot read '%s': %s", path, defect);
	else if (size == 0)
		*error = arena_printf(arena, "'%s' is empty", path);
	else
		file->text = arena_printf(arena, "%.*s", (int)size, text);
	return file->text;
}

bool secret_file_read(struct secret_file *file, const char *path, int wait_ms, struct arena *arena,
		      const char **error)
{
	char text[SECRET_FILE_MAX + 1];
	struct stat status;
	ssize_t size = -1;
	bool kept;
	int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	*file = (struct secret_file){0};
	if (descriptor >= 0 && fstat(descriptor, &status) == 0) {
		file->is_regular = S_ISREG(status.st_mode);
		file->is_world_readable = file->is_regular && (status.st_mode & S_IROTH);
		size = read_to_end(descriptor, text, sizeof text, wait_ms);
	}
	kept = keep_text(file, path, text, size, arena, error);
	explicit_bzero(text, sizeof text);
	if (descriptor >= 0)
		close(descriptor);
	return kept;
}
