/*
 * A logger in front of another one that keeps one trouble from filling the log.  A mark among its fields says
 * what kind a line is:
 *
 *     LOG_TROUBLE("database")  a trouble that several parts of the worker report.  Its first line is written,
 *                              and later a line with a cause that was not written yet, one in 10 s at most.
 *     LOG_OVER("database")     that trouble is over.  It is written once no line of the trouble has come for
 *                              a second, with how long it lasted and how many of its lines were left out,
 *                              and is left out when there was no trouble.
 *     LOG_KEPT                 each of these lines is written.
 *     anything else            of warnings and errors with the same message 10 are written, then every 10 s
 *                              one line that counts the others, by the value of their first field.
 *
 * Lines of LOG_INFO and below pass.  When the other logger writes LOG_DEBUG, every line passes.
 */
#ifndef ALLOCD_BUS_BASE_LOG_LIMITER_H
#define ALLOCD_BUS_BASE_LOG_LIMITER_H

#include "bus/ports/clock.h"
#include "bus/ports/logger.h"

struct log_limiter;

/* Both outlive it. */
struct log_limiter *log_limiter_new(struct logger *behind, struct clock *clock);

struct logger *log_limiter_logger(struct log_limiter *limiter);

/* Writes the lines that count what was left out until now.  Accepts NULL in *limiter and nulls it. */
void log_limiter_free(struct log_limiter **limiter);

#endif
