/*
 * Finds the addresses of a host as the system finds them (getaddrinfo: hosts file, DNS, whatever
 * nsswitch.conf says) without stopping the event loop: a name is looked up in a thread of its own, which
 * knows nothing else.
 */
#ifndef ALLOCD_ADAPTERS_SYSTEM_RESOLVER_H
#define ALLOCD_ADAPTERS_SYSTEM_RESOLVER_H

#include <stdint.h>

struct addrinfo;
struct event_base;
struct resolver;

/*
 * Called once, from the event loop, after the resolver freed itself: `addresses` are the receiver's
 * (freeaddrinfo), or NULL, and then `error` says why; it does not repeat the host, and lives as long as the
 * call.
 */
typedef void resolver_done(void *context, struct addrinfo *addresses, const char *error);

/*
 * Always answers: without a descriptor or a thread the answer is an error, and a later look-up may succeed.
 * It has no timeout, for the system's look-up cannot be interrupted: a caller that waited for long enough
 * cancels.
 */
struct resolver *resolver_start(struct event_base *base, const char *host, uint16_t port, resolver_done *done,
				void *context);

/* `done` is not called any more.  Accepts NULL in *resolver and nulls it. */
void resolver_cancel(struct resolver **resolver);

#endif
