/*
 * Connects to the host of a URL.  A name can have several addresses: the owner tries the next one when no
 * usable Redis answers at the present one.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_CONNECTION_CONNECT_ATTEMPTS_H
#define ALLOCD_ADAPTERS_REDIS_CONNECTION_CONNECT_ATTEMPTS_H

#include "adapters/redis/server/redis_url.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONNECT_LOOK_UP_MS 15000 /* for the look-up of a name */
#define CONNECT_TIMEOUT_MS 2000  /* for connect() */

/* The time for one address in all, from connect() to the end of the handshake. */
#define CONNECT_ADDRESS_MS      3000 /* while further addresses are left */
#define CONNECT_LAST_ADDRESS_MS 5000

/* The kernel gives up a connection whose peer has not acknowledged data for this long. */
#define CONNECT_USER_TIMEOUT_MS 8000

struct connect_attempts;
struct event_base;

/*
 * Called from the event loop, once for each address, or once when the look-up fails; perhaps before
 * connect_attempts_next() returns.  `fd` is a non-blocking socket that the callee owns; or it is -1, and
 * `error` is the reason.
 */
typedef void connect_done(void *context, int fd, const char *error);

/*
 * Looks the host up and tries its address number `rotation`, modulo their count.  `url` must outlive the
 * attempts, which live until they are cancelled.
 */
struct connect_attempts *connect_attempts_start(struct event_base *base, const struct redis_url *url,
						unsigned rotation, connect_done *done, void *context);

/* Whether an untried address is left; connect_attempts_next() tries it. */
bool connect_attempts_has_next(const struct connect_attempts *attempts);
void connect_attempts_next(struct connect_attempts *attempts);

/* The index, in the resolver's order, of the address that was tried last. */
size_t connect_attempts_address(const struct connect_attempts *attempts);

/* The time that is left for that address; at least 0. */
int64_t connect_attempts_left_ms(const struct connect_attempts *attempts);

/* `done` is not called any more.  Accepts NULL in *attempts and nulls it. */
void connect_attempts_cancel(struct connect_attempts **attempts);

#endif
