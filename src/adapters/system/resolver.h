/*
 * Looks up the addresses of a host with getaddrinfo (hosts file, DNS, or what else nsswitch.conf names)
 * without blocking the event loop: each look-up runs in a thread of its own, which shares nothing but the
 * look-up with the loop.
 */
#ifndef ALLOCD_ADAPTERS_SYSTEM_RESOLVER_H
#define ALLOCD_ADAPTERS_SYSTEM_RESOLVER_H

#include <stdbool.h>
#include <stdint.h>

struct addrinfo;
struct event_base;
struct resolver;

/*
 * Called once, from the event loop, after the resolver freed itself.  The receiver frees `addresses`
 * (freeaddrinfo); they are NULL on failure, and `error` is the reason.  `error` does not repeat the host,
 * and is valid during the call.
 */
typedef void resolver_done(void *context, struct addrinfo *addresses, const char *error);

/*
 * Without a descriptor or a thread the answer is an error, and a later look-up may succeed.  There is no
 * timeout, because the system's look-up cannot be interrupted: a caller that has waited long enough cancels.
 */
struct resolver *resolver_start(struct event_base *base, const char *host, uint16_t port, resolver_done *done,
				void *context);

/* `done` is not called any more.  Accepts NULL in *resolver and nulls it. */
void resolver_cancel(struct resolver **resolver);

/* Whether the host is an IPv4 or IPv6 address (without brackets) and not a name. */
bool resolver_is_address(const char *host);

#endif
