/*
 * What the tests of the Postgres adapter work in: an event loop, and stores that reach the tests' database by
 * way of a proxy each.
 */
#ifndef ALLOCD_TESTS_POSTGRES_WORLD_H
#define ALLOCD_TESTS_POSTGRES_WORLD_H

#include "adapters/postgres/postgres.h"
#include "database.h"
#include "integration/store/checkpoints_suite.h"
#include "integration/store/store_suite.h"
#include "integration/store/work.h"
#include "proxy.h"

#define WORLD_STORES_MAX 8

struct world {
	struct store_fixture fixture; /* first: it is the suite's, too */
	struct event_base *base;
	struct store *stores[WORLD_STORES_MAX];
	struct proxy *proxies[WORLD_STORES_MAX];
	size_t store_count;
	struct views *views[WORLD_STORES_MAX];
	size_t views_count;
	struct arena *texts;           /* the connection strings */
	struct known_servers *servers; /* of what is made from now on; NULL: each is alone */
	int answer_timeout_ms;         /* of stores that are made from now on; 0: the default */
};

/* One, for every test. */
extern struct world world;

/* For tests: what the fixture does before and after each, and what it makes. */
void world_set_up(void);
void world_tear_down(void);
struct store *world_make_store(void);
struct proxy *world_proxy_of(const struct store *store);

/* As long as the test lasts. */
struct url_source world_url(const char *conninfo);

/* The tests' database itself, without a proxy. */
struct postgres_config world_config(void);

/* Takes over the store, without a proxy. */
struct store *world_add_store(struct store *store);

/* A store on another database, without a proxy. */
struct store *world_make_store_on(const char *conninfo);

/* The lines that were logged, warnings and above, since the test began. */
const char *world_log(void);
struct logger *world_logger(void);

#endif
