/*
 * One line of the log, in logfmt or JSON.
 *
 *     time=2026-01-31T12:00:00.000000Z level=warn msg="message rejected" channel=allocate attempts=2
 *     {"time":"2026-01-31T12:00:00.000000Z","level":"warn","msg":"message
 * rejected","channel":"allocate","attempts":2}
 *
 * Texts may be anything a stranger sent.  A line is always one line of valid UTF-8 (and valid JSON): what
 * would end it, move a terminal's cursor or turn the reading direction is escaped as JSON does, bytes that
 * are no UTF-8 become U+FFFD.  A long text ends in `…`; fields that do not fit are left out, and `truncated`
 * says so.  A field whose text is empty is left out, and nothing says so.
 */
#ifndef ALLOCD_ADAPTERS_SYSTEM_LOG_LINE_H
#define ALLOCD_ADAPTERS_SYSTEM_LOG_LINE_H

#include "bus/ports/logger.h"

#include <stddef.h>
#include <stdint.h>

enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

/* PIPE_BUF: up to there the kernel writes to a pipe in one piece. */
#define LOG_LINE_MAX 4096

/* A text's bytes in the line, escapes included and quotes not. */
#define LOG_TEXT_MAX 1024

struct log_line {
	char text[LOG_LINE_MAX]; /* ends in a newline, not in NUL */
	size_t size;
};

/* `now`: microseconds since 1970. */
void log_line_format(struct log_line *line, enum log_format format, int64_t now, enum log_level level,
		     const char *message, const struct log_field *fields, size_t count);

#endif
