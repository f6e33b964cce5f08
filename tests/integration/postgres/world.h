/*
 * The environment of the tests of the Postgres adapter: an event loop, and stores that each reach the tests'
 * database by way of a proxy.
 */
#ifndef ALLOCD_TESTS_POSTGRES_WORLD_H
#define ALLOCD_TESTS_POSTGRES_WORLD_H

#include "adapters/postgres/postgres.h"
#include "adapters/postgres/tools/renewal.h"
#include "database.h"
#include "integration/checkpoints/checkpoints_suite.h"
#include "integration/store/store_suite.h"
#include "integration/store/work.h"
#include "proxy.h"

#define WORLD_STORES_MAX 8

/* Those that a worker has beside a lane's: for intake, the publisher, and chores. */
#define PORT_STORES 3

struct world {
	struct store_fixture fixture; /* first: it is the suite's, too */
	struct event_base *base;
	struct postgres_store *stores[WORLD_STORES_MAX];
	struct store_ports ports[WORLD_STORES_MAX]; /* of each store */
	struct proxy *proxies[WORLD_STORES_MAX];
	size_t store_count;
	struct postgres_store *port_stores[PORT_STORES * WORLD_STORES_MAX];
	size_t port_store_count;
	struct views *views[WORLD_STORES_MAX];
	size_t views_count;
	struct lease_store *leases[WORLD_STORES_MAX];
	size_t leases_count;
	struct arena *texts;           /* the connection strings */
	struct known_servers *servers; /* of stores and views made from now on; NULL: each works alone */
	int answer_timeout_ms;         /* of stores that are made from now on; 0: the default */
};

/* The one world of all tests. */
extern struct world world;

/*
 * What the fixture does before and after each test, and what it makes; but this store has all ports itself,
 * by way of its proxy.
 */
void world_set_up(void);
void world_tear_down(void);
struct store_ports *world_make_store(void);
struct proxy *world_proxy_of(const struct store_ports *store);

/* Returns a source of the URL, which lives as long as the test. */
struct url_source world_url(const char *conninfo);

/* Returns the configuration of the tests' database, without a proxy. */
struct postgres_config world_config(void);

/* Renews the outbox; `event` is called for each event that is not published. */
void world_renew(event_renewal *event);

/* Adds a store, which the world frees, without a proxy. */
struct store_ports *world_add_store(struct postgres_store *store);

/* Adds a store on another database, without a proxy. */
struct store_ports *world_make_store_on(const char *conninfo);

/* Frees *work, if there is any, and begins one on the store. */
void world_begin_work(struct work **work, struct store_ports *store);

/* The lines that were logged, warnings and above, since the test began. */
const char *world_log(void);
struct logger *world_logger(void);

/* Lets the loop run until that many sessions of the database wait for locks. */
void world_await_lock_waiters(int count);

#endif
