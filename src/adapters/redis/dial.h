/*
 * From a URL to a connected socket.  Every address that a name has is tried in turn, each for
 * DIAL_TIMEOUT_MS.
 *
 * How long a name takes to be looked up is up to the system's resolver (some seconds when it is away).
 */
#ifndef ALLOCD_ADAPTERS_REDIS_DIAL_H
#define ALLOCD_ADAPTERS_REDIS_DIAL_H

#include "adapters/redis/redis_url.h"

#define DIAL_TIMEOUT_MS 2000

/* When what was sent is not acknowledged for so long, the kernel gives the connection up. */
#define DIAL_USER_TIMEOUT_MS 8000

struct dial;
struct event_base;

/*
 * Called once, from the event loop, after the dial freed itself: `fd` is the receiver's, non-blocking; or
 * it is -1, and `error` says why.
 */
typedef void dial_done(void *context, int fd, const char *error);

/* `url` outlives the dial. */
struct dial *dial_start(struct event_base *base, const struct redis_url *url, dial_done *done, void *context);

/* `done` is not called any more.  Accepts NULL in *dial and nulls it. */
void dial_cancel(struct dial **dial);

#endif
