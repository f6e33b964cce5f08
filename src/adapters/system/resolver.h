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
 * (freeaddrinfo), or NULL, and then `error` says why.
 */
typedef void resolver_done(void *context, struct addrinfo *addresses, const char *error);

struct resolver *resolver_start(struct event_base *base, const char *host, uint16_t port, resolver_done *done,
				void *context);

/* `done` is not called any more.  Accepts NULL in *resolver and nulls it. */
void resolver_cancel(struct resolver **resolver);

#endif
