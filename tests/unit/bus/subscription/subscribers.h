/*
 * Workers that hear the same channels, on one database and one broker (see bus_world.h).  LAMP has no stock,
 * so that each handling of an order raises an event of its own.
 */
#ifndef ALLOCD_TESTS_SUBSCRIBERS_H
#define ALLOCD_TESTS_SUBSCRIBERS_H

#include "support/bus_world.h"

#include "adapters/memory/ports/checkpoints.h"
#include "adapters/memory/ports/leases.h"
#include "bus/subscription/leased_subscription.h"

#define SUBSCRIBERS 3

struct broadcast;

struct subscriber {
	struct world *world;
	struct memory_checkpoints *checkpoints;
	struct memory_leases *leases;
	struct lease_keeper *keeper; /* NULL: it does not run */
	struct admission admission;
	struct leased_subscription *subscription;
	const char *run_id; /* of the server that it is connected to; NULL: it is not connected */
	bool is_frozen, is_closed;
	struct broadcast *unheard; /* that came while it was frozen */
	char marker[64];
	int marks;
};

extern struct subscriber subscribers[SUBSCRIBERS];

void set_up_subscribers(void);
void tear_down_subscribers(void);

/* Starts a worker, which has the same name at every start, and connects it. */
void start_subscriber(int number);

/* As by kill -9; it may be started again. */
void kill_subscriber(int number);

/* Like SIGSTOP and SIGCONT: what is published meanwhile waits. */
void freeze_subscriber(int number);
void thaw_subscriber(int number);

/* Its connection to Redis is lost; or is made, to a server with that run id. */
void disconnect_subscriber(int number);
void connect_subscriber_to(int number, const char *run_id);

/* Publishes an order of one LAMP, or of another SKU, without an id. */
void publish_order(const char *orderid);
void publish_order_of(const char *orderid, const char *sku);

/* Passes time; every worker beats once a second. */
void pass_time(int64_t ms);

bool is_handling(int number);

/* Passes time until it has the lease; returns how long it took. */
int64_t ms_until_handling(int number);

/* The note of the lease in the database. */
const char *note_of_lease(void);

const struct subscription_stats *subscription_stats_of(int number);

#endif
