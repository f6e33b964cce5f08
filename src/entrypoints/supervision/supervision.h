/*
 * Notifies a service manager, such as systemd, of the worker's state: sd_notify(3).
 *
 *     starting   EXTEND_TIMEOUT_USEC, as long as the event loop turns: a start that waits for a server, or
 *                migrates a large table, ends by ALLOCD_START_WAIT and not by TimeoutStartSec=
 *     working    READY=1, when /readyz says yes for the first time, so that what is started after the worker
 *                finds it at work; or after 5 s, because a person may have to correct what it says
 *                WATCHDOG=1, as long as the event loop turns and the work does not stand still
 *     stopping   STOPPING=1, and WATCHDOG=1
 *     always     STATUS=: the state and the worst trouble, when they change
 *
 * What the manager did not receive is sent again.
 */
#ifndef ALLOCD_ENTRYPOINTS_SUPERVISION_SUPERVISION_H
#define ALLOCD_ENTRYPOINTS_SUPERVISION_SUPERVISION_H

#include "bus/ports/clock.h"
#include "bus/ports/logger.h"
#include "entrypoints/status/sampler.h"

struct supervision;

/*
 * NULL when no service manager waits for it ($NOTIFY_SOCKET is not set), or its socket cannot be used, which
 * is logged.  $WATCHDOG_USEC and $WATCHDOG_PID say whether it has a watchdog.  All three outlive the result.
 */
struct supervision *supervision_new(struct clock *clock, struct sampler *sampler, struct logger *logger);

/* Reports a change at once instead of within a second.  Accepts NULL. */
void supervision_update(struct supervision *supervision);

/* Accepts NULL in *supervision and nulls it. */
void supervision_free(struct supervision **supervision);

#endif
