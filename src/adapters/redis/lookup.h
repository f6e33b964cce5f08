/*
 * Finds the addresses of a host as the system finds them (getaddrinfo: hosts file, DNS, whatever
 * nsswitch.conf says) without stopping the event loop: a name is looked up in a thread of its own, which
 * knows nothing else.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_LOOKUP_H
#define ALLOCD_ADAPTERS_REDIS_LOOKUP_H

#include <stdint.h>

struct addrinfo;
struct event_base;
struct lookup;

/*
 * Called once, from the event loop, after the lookup freed itself: `addresses` are the receiver's
 * (freeaddrinfo), or NULL, and then `error` says why.
 */
typedef void lookup_done(void *context, struct addrinfo *addresses, const char *error);

struct lookup *lookup_start(struct event_base *base, const char *host, uint16_t port, lookup_done *done,
			    void *context);

/* `done` is not called any more.  Accepts NULL in *lookup and nulls it. */
void lookup_cancel(struct lookup **lookup);

#endif
