/*
 * A logger in front of another one that keeps one trouble from filling the log.  A mark among a line's
 * fields determines its kind:
 *
 *     LOG_TROUBLE("database")  a trouble that several parts of the worker report.  Its first line is written,
 *                              and later each line of a higher level, and a line with a cause that was not
 *                              written yet, at most one in 10 s.
 *     LOG_OVER("database")     that trouble is over.  It is written after a second without a line of the
 *                              trouble, with how long it lasted and how many of its lines were left out;
 *                              without a trouble it is left out.
 *     LOG_KEPT                 each of these lines is written.
 *     anything else            the first 10 warnings and errors with the same message are written, then
 *                              every 10 s one line that counts the rest, by the value of their first field.
 *
 * Lines of LOG_INFO and below pass.  When the other logger writes LOG_DEBUG, every line passes.
 */
#ifndef ALLOCD_BUS_BASE_LOG_LIMITER_H
#define ALLOCD_BUS_BASE_LOG_LIMITER_H

#include "bus/ports/clock.h"
#include "bus/ports/logger.h"

struct log_limiter;

/* Both arguments must outlive the limiter. */
struct log_limiter *log_limiter_new(struct logger *behind, struct clock *clock);

struct logger *log_limiter_logger(struct log_limiter *limiter);

/* How many lines were left out so far, by level: LOG_LEVELS counts. */
const uint64_t *log_limiter_left_out(const struct log_limiter *limiter);

/* Writes the counts of the lines left out until now.  Accepts NULL in *limiter and nulls it. */
void log_limiter_free(struct log_limiter **limiter);

#endif
