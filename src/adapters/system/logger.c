/* Writes the log's lines. */
#include "adapters/system/logger.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

/* How long a reader that keeps up otherwise may pause before lines are dropped. */
#define PATIENCE_MS 100

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

/* A pipe that says so takes a whole line without blocking: see LOG_LINE_MAX. */
static bool is_writable(const struct system_logger *logger)
{
	struct pollfd descriptor = {.fd = logger->fd, .events = POLLOUT};
	int ready;

	do {
		ready = poll(&descriptor, 1, logger->dropped ? 0 : PATIENCE_MS);
	} while (ready < 0 && errno == EINTR);
	return ready == 1;
}

static bool send_line(const struct system_logger *logger, const struct log_line *line)
{
	size_t sent = 0;

	while (sent < line->size) {
		ssize_t size;

		if (!is_writable(logger))
			return false;
		size = write(logger->fd, line->text + sent, line->size - sent);
		if (size < 0 && errno != EINTR)
			return false;
		if (size > 0)
			sent += (size_t)size;
	}
	return true;
}

static bool tell_dropped(struct system_logger *logger)
{
	struct log_field count = LOG_NUMBER("count", logger->dropped);
	struct log_line line;

	log_line_format(&line, logger->format, now(), LOG_WARN, "log lines were dropped", &count, 1);
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

	log_line_format(&line, logger->format, now(), level, message, fields, count);
	if ((logger->dropped && !tell_dropped(logger)) || !send_line(logger, &line))
		logger->dropped++;
}

void system_logger_init(struct system_logger *logger, int fd, enum log_level level, enum log_format format)
{
	*logger = (struct system_logger){.logger = {level, write_line}, .fd = fd, .format = format};
}
