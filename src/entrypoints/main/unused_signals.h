/*
 * Signals that this worker has no use for: SIGHUP, SIGUSR1, SIGALRM, and all others whose default is to end
 * the process without draining it.
 *
 * The worker ignores them, and logs that it does.  Other daemons read their settings again at SIGHUP; here
 * passwords and certificates are read at every connect, and no other setting changes while the worker runs.
 * SIGQUIT and SIGABRT keep their default: they end the process at once, with a core where the system writes
 * one.
 */
#ifndef ALLOCD_ENTRYPOINTS_MAIN_UNUSED_SIGNALS_H
#define ALLOCD_ENTRYPOINTS_MAIN_UNUSED_SIGNALS_H

#include "bus/ports/logger.h"

struct event_base;
struct unused_signals;

/* Ignores these signals from now on, in all threads. */
void unused_signals_ignore(void);

/* Ignores these signals and logs each, at most once a minute.  The base and the logger outlive the result. */
struct unused_signals *unused_signals_new(struct event_base *base, struct logger *logger);

/* The signals stay ignored, and are not logged any more.  Accepts NULL in *signals and nulls it. */
void unused_signals_free(struct unused_signals **signals);

#endif
