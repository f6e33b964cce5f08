/*
 * The logger port on a file descriptor: standard error, as a rule.
 *
 * A line is one write(2).  A reader of the log that is slow or stuck must not stop the worker: when the
 * descriptor accepts no more, the logger waits for a moment, once, then drops lines until it accepts some
 * again.  Before the next line it writes one that counts the dropped lines.
 *
 * Threads may share a logger.
 *
 * When $JOURNAL_STREAM names the descriptor's device and inode, journald reads it (systemd.exec(5)).
 */
#ifndef ALLOCD_ADAPTERS_SYSTEM_LOGGER_H
#define ALLOCD_ADAPTERS_SYSTEM_LOGGER_H

#include "adapters/system/log_line.h"
#include "bus/ports/logger.h"

#include <pthread.h>
#include <stdbool.h>

struct system_logger {
	struct logger logger;
	int fd;     /* the caller's, or `own_fd` */
	int own_fd; /* the same file, opened once more as non-blocking; -1: `fd` is the caller's */
	struct log_style style;
	pthread_mutex_t mutex;
	uint64_t dropped; /* lines since the last one that was written */
	bool is_cut;      /* only a part of the last line was written */
};

/*
 * The program ignores SIGPIPE.  A terminal or a pipe is opened once more as non-blocking, because the
 * flag would apply to every other process that shares `fd`.
 */
void system_logger_init(struct system_logger *logger, int fd, enum log_level level, enum log_format format);

void system_logger_release(struct system_logger *logger);

#endif
