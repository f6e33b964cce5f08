/*
 * From a URL to connected sockets: one after the other for each address that a name has, so that the next
 * address can be tried when there is no Redis behind one.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_CONNECTION_CONNECT_ATTEMPTS_H
#define ALLOCD_ADAPTERS_REDIS_CONNECTION_CONNECT_ATTEMPTS_H

#include "adapters/redis/server/redis_url.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONNECT_LOOK_UP_MS 15000 /* for a name */
#define CONNECT_TIMEOUT_MS 2000  /* for a connected socket */

/* For an address in all: until a connected socket, and until its owner is content with what is behind it. */
#define CONNECT_ADDRESS_MS      3000 /* while there are others to try */
#define CONNECT_LAST_ADDRESS_MS 5000

/* The kernel gives up a connection whose peer has not acknowledged data for this long. */
#define CONNECT_USER_TIMEOUT_MS 8000

struct connect_attempts;
struct event_base;

/*
 * Called from the event loop, once for each address: `fd` is the receiver's, non-blocking; or it is -1, and
 * `error` says why.
 */
typedef void connect_done(void *context, int fd, const char *error);

/*
 * Begins with the first address; with `rotation` others are the first in turn.  `url` outlives the dial,
 * which lives until it is cancelled.
 */
struct connect_attempts *connect_attempts_start(struct event_base *base, const struct redis_url *url,
						unsigned rotation, connect_done *done, void *context);

/* Whether there is another address; connect_attempts_next() begins with it. */
bool connect_attempts_has_next(const struct connect_attempts *attempts);
void connect_attempts_next(struct connect_attempts *attempts);

/* The number of the address that was begun last, in the resolver's order. */
size_t connect_attempts_address(const struct connect_attempts *attempts);

/* What is left of that address's time. */
int64_t connect_attempts_left_ms(const struct connect_attempts *attempts);

/* `done` is not called any more.  Accepts NULL in *dial and nulls it. */
void connect_attempts_cancel(struct connect_attempts **attempts);

#endif
