/* Writes log lines to a descriptor, and drops them while it does not accept any. */
#include "adapters/system/logger.h"

#include "adapters/system/instants.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long the reader of the log may block before lines are dropped. */
#define BLOCKED_MS 100

/* A pipe that is writable accepts a whole line without blocking: see LOG_LINE_MAX. */
static bool is_writable(const struct system_logger *logger)
{
	struct pollfd descriptor = {.fd = logger->fd, .events = POLLOUT};
	int ready;

	do {
		ready = poll(&descriptor, 1, logger->dropped ? 0 : BLOCKED_MS);
	} while (ready < 0 && errno == EINTR);
	return ready == 1;
}

static bool send_text(struct system_logger *logger, const char *text, size_t size)
{
	size_t sent = 0;
	ssize_t written;

	while (sent < size) {
		if (!is_writable(logger))
			break;
		written = write(logger->fd, text + sent, size - sent);
		if (written < 0 && errno != EINTR)
			break;
		if (written > 0)
			sent += (size_t)written;
	}
	logger->is_cut = sent < size && (sent > 0 || logger->is_cut);
	return sent == size;
}

/* A terminal, unlike a pipe, may have accepted only the beginning of the last line. */
static bool send_line(struct system_logger *logger, const struct log_line *line)
{
	return (!logger->is_cut || send_text(logger, "\n", 1)) && send_text(logger, line->text, line->size);
}

static bool log_dropped(struct system_logger *logger)
{
	struct log_field count = LOG_NUMBER("count", logger->dropped);
	struct log_line line;

	log_line_format(&line, logger->style, wall_clock_us(), LOG_WARN, "log lines were dropped", &count, 1);
	if (!send_line(logger, &line))
		return false;
	logger->dropped = 0;
	return true;
}

static void write_line(struct logger *port, enum log_level level, const char *message,
		       const struct log_field *fields, size_t count)
{
	struct system_logger *logger = (struct system_logger *)port;
	struct log_line line;

	log_line_format(&line, logger->style, wall_clock_us(), level, message, fields, count);
	pthread_mutex_lock(&logger->mutex);
	if ((logger->dropped && !log_dropped(logger)) || !send_line(logger, &line))
		logger->dropped++;
	else
		logger->logger.written[level]++;
	pthread_mutex_unlock(&logger->mutex);
}

/* O_NONBLOCK is a flag of the open file, which other processes share with our standard error. */
static int open_again(int fd)
{
	char path[32];
	struct stat status;

	if (fstat(fd, &status) != 0 || (!S_ISFIFO(status.st_mode) && !isatty(fd)))
		return -1;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static bool is_read_by_journald(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat status;
	char name[64];

	if (!stream || fstat(fd, &status) != 0)
		return false;
	snprintf(name, sizeof name, "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
	return strcmp(stream, name) == 0;
}

void system_logger_init(struct system_logger *logger, int fd, enum log_level level, enum log_format format)
{
	*logger = (struct system_logger){
		.logger = {.level = level, .write = write_line},
		.fd = fd,
		.style = {format, is_read_by_journald(fd)},
	};
	pthread_mutex_init(&logger->mutex, NULL);
	logger->own_fd = open_again(fd);
	if (logger->own_fd >= 0)
		logger->fd = logger->own_fd;
}

void system_logger_release(struct system_logger *logger)
{
	if (logger->own_fd >= 0)
		close(logger->own_fd);
	pthread_mutex_destroy(&logger->mutex);
}
