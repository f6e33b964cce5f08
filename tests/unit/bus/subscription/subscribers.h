/*
 * Workers that hear the same channels (see replicas.h).  LAMP has no stock, so that each handling of an order
 * raises an event of its own.
 */
#ifndef ALLOCD_TESTS_SUBSCRIBERS_H
#define ALLOCD_TESTS_SUBSCRIBERS_H

#include "support/replicas.h"

/* A lease is taken within this time. */
#define TAKEOVER_MS 5000

void set_up_subscribers(void);

/* Starts two workers: the first one handles, and the other one has heard all that may be unfinished. */
void set_up_two_subscribers(void);

/* Starts a worker that reads no streams. */
void start_subscriber(int number);

/* Its connection to Redis is lost; or is made, and it reads that run id of the server. */
void disconnect_subscriber(int number);
void connect_subscriber_to(int number, const char *run_id);

/* Publishes an order of one LAMP, or of another SKU, without an id. */
void publish_order(const char *orderid);
void publish_order_of(const char *orderid, const char *sku);

/* Publishes orders of 60 kB each. */
void publish_large(int count);

/* Passes time until it has the lease; returns how long it took. */
int64_t ms_until_handling(int number);

/* The lane of the worker commits nothing any more. */
void hold_commits(int number);

/* Passes a second, and asserts which orders of LAMP were handled. */
void expect_orders(const char *expected);

/* The note of the lease in the database. */
const char *note_of_lease(void);

const struct subscription_stats *subscription_stats_of(int number);

#endif
