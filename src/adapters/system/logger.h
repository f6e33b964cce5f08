/*
 * The logger port on a file descriptor: standard error, as a rule.
 *
 * One write(2) a line.  Who reads the log can be slow or stuck, and must not stop the worker: when there is
 * no room the logger waits a moment, once, then drops lines until there is; the first line that goes
 * through again follows one that counts them.
 *
 * Threads may share a logger.
 */
#ifndef ALLOCD_ADAPTERS_SYSTEM_LOGGER_H
#define ALLOCD_ADAPTERS_SYSTEM_LOGGER_H

#include "adapters/system/log_line.h"
#include "bus/logger.h"

#include <pthread.h>
#include <stdbool.h>

struct system_logger {
	struct logger logger;
	int fd;     /* the caller's, or `own_fd` */
	int own_fd; /* an opening of our own that never blocks; -1: there is none */
	enum log_format format;
	pthread_mutex_t mutex;
	uint64_t dropped; /* lines since the last one that went through */
	bool is_cut;      /* only a part of the last line went through */
};

/*
 * The program ignores SIGPIPE.  A terminal or a pipe is opened once more, so that a write to it fails where
 * it would block, and whoever else holds `fd` notices nothing of that.
 */
void system_logger_init(struct system_logger *logger, int fd, enum log_level level, enum log_format format);

void system_logger_release(struct system_logger *logger);

#endif
