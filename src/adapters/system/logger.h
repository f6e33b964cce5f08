/*
 * The logger port on a file descriptor: standard error, as a rule.
 *
 * One write(2) a line.  Who reads the log can be slow or stuck, and must not stop the worker: when there is
 * no room the logger waits a moment, once, then drops lines until there is; the first line that goes
 * through again follows one that counts them.
 */
#ifndef ALLOCD_ADAPTERS_SYSTEM_LOGGER_H
#define ALLOCD_ADAPTERS_SYSTEM_LOGGER_H

#include "adapters/system/log_line.h"
#include "bus/logger.h"

struct system_logger {
	struct logger logger;
	int fd; /* the caller's */
	enum log_format format;
	uint64_t dropped; /* lines since the last one that went through */
};

/* The program ignores SIGPIPE. */
void system_logger_init(struct system_logger *logger, int fd, enum log_level level, enum log_format format);

#endif
