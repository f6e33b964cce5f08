/* What the suites of a store share: one store under test, a unit of work on it, and steps in a line each. */
#ifndef ALLOCD_TESTS_STORE_STEPS_H
#define ALLOCD_TESTS_STORE_STEPS_H

#include "integration/store/work.h"

#define TOMORROW 20000

/* The store under test and a unit of work on it, between the two calls that begin and end each test. */
extern struct store_fixture *fixture;
extern struct store_ports *store;
extern struct work *work;

void store_set_up(void);
void store_tear_down(void);

/* Each handles one command in a unit of its own. */
void create_batch(const char *reference, const char *sku, int32_t qty, int32_t eta);

void allocate(const char *orderid, const char *sku, int32_t qty);

/* Allocates lines of quantity 1, at most WORK_DELIVERIES_MAX in a unit. */
void allocate_many(const char *sku, int from, int count);

/* Returns the product, loaded with what always comes along; NULL if it does not exist. */
struct product *load_product(const char *sku);

/* Creates `count` batches of one piece each, from "batch-000" on. */
void create_batches(int count, int32_t qty);

void create_batch_with_id(struct work *at, const char *reference, const char *sku, const char *id);

void tidy(struct cleanup *cleanup);

/*
 * Returns an allocate that finds no stock: sent again, it is a new attempt, unless it is recognized as the
 * same.
 */
struct envelope hopeless(void);

enum outcome deliver_entry(const char *stream, int64_t incarnation, const char *entry_id);

/* Resolves the commit as the engine does: while the lost session lives, it may have to ask again. */
int resolve_commit(void);

size_t take_due(struct notification *due, size_t max);

void record_notification(int64_t key, enum notification_result result, int retry_seconds);

/* Causes one notification and returns its key, as the flush set it. */
int64_t run_out_of_stock(void);

const char *dead_letters_in_full(void);

#endif
