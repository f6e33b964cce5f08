/*
 * Signals that have a meaning for other daemons and none for this one: SIGHUP, SIGUSR1, SIGALRM, and all
 * others whose default is to end the process undrained.
 *
 * The worker ignores them, and the log says so.  (What a daemon usually does at SIGHUP, reading its settings
 * again, has no use here: passwords and certificates are read at every connect, and nothing else changes
 * while the worker runs.)  SIGQUIT and SIGABRT keep their default: they end the process at once, with a core
 * where the system writes one.
 */
#ifndef ALLOCD_ENTRYPOINTS_MAIN_UNUSED_SIGNALS_H
#define ALLOCD_ENTRYPOINTS_MAIN_UNUSED_SIGNALS_H

#include "bus/ports/logger.h"

struct event_base;
struct unused_signals;

/* Ignores them from now on, in all threads. */
void unused_signals_ignore(void);

/* Ignores them and logs each signal, at most once a minute.  The base and the logger outlive it. */
struct unused_signals *unused_signals_new(struct event_base *base, struct logger *logger);

/* They stay ignored, and are not logged any more.  Accepts NULL in *signals and nulls it. */
void unused_signals_free(struct unused_signals **signals);

#endif
