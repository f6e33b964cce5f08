/*
 * One line of the log, in logfmt or JSON.
 *
 *     time=2026-01-31T12:00:00.000000Z level=warn msg="message rejected" channel=allocate attempts=2
 *     {"time":"2026-01-31T12:00:00.000000Z","level":"warn","msg":"message rejected","channel":"allocate"}
 *
 * Texts may come from any sender.  A line is always one line of valid UTF-8 (and valid JSON): characters that
 * would end it, move a terminal's cursor or change the reading direction are escaped as in JSON, and bytes
 * that are not UTF-8 become U+FFFD.  A long text is cut and ends in `…`; fields that do not fit are left
 * out, and `truncated` is added.  A field whose text is empty is left out without a notice.
 */
#ifndef ALLOCD_ADAPTERS_SYSTEM_LOG_LINE_H
#define ALLOCD_ADAPTERS_SYSTEM_LOG_LINE_H

#include "bus/ports/logger.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

/*
 * For journald, which notes the time itself, a line begins with its priority instead (sd-daemon(3)):
 *
 *     <4>level=warn msg="message rejected" channel=allocate attempts=2
 */
struct log_style {
	enum log_format format;
	bool is_for_journald;
};

/* PIPE_BUF: the kernel writes up to this many bytes to a pipe in one piece. */
#define LOG_LINE_MAX 4096

/* The most bytes of a text in the line, with its escapes and without its quotes. */
#define LOG_TEXT_MAX 1024

struct log_line {
	char text[LOG_LINE_MAX]; /* ends in a newline, not in NUL */
	size_t size;
};

/* `now`: microseconds since 1970. */
void log_line_format(struct log_line *line, struct log_style style, int64_t now, enum log_level level,
		     const char *message, const struct log_field *fields, size_t count);

#endif
