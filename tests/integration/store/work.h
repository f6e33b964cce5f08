/*
 * A unit of work that a test drives step by step: messages are added, then it is loaded, handled and
 * flushed, on the store that the test chooses.
 */
#ifndef ALLOCD_TESTS_WORK_H
#define ALLOCD_TESTS_WORK_H

#include "bus/messages/execute.h"
#include "integration/store/store_suite.h"

/* The outcome of a store's call: NO_FAILURE, or the kind of its failure. */
#define NO_FAILURE (-1)

#define WORK_DELIVERIES_MAX 1100

struct work {
	struct store_fixture *fixture;
	struct store_ports *store;
	struct unit_of_work uow;
	struct delivery *deliveries[WORK_DELIVERIES_MAX];
	size_t delivery_count;

	/* The call that was begun last. */
	bool answered;
	int answer;
	char failure[512];
};

struct work *work_new(struct store_fixture *fixture, struct store_ports *store);
void work_free(struct work **work);

/* Discards the unit and begins another one, with a new witness. */
void work_restart(struct work *work);

/* Messages: each is admitted to the unit.  An id may be NULL. */
struct delivery *work_create_batch(struct work *work, const char *reference, const char *sku, int32_t qty,
				   int32_t eta);
struct delivery *work_allocate(struct work *work, const char *orderid, const char *sku, int32_t qty);
struct delivery *work_change_quantity(struct work *work, const char *reference, int32_t qty);
struct delivery *work_message(struct work *work, const struct envelope *envelope);

/* Adds a message of any transport; this sets the arrival's type and payload. */
struct delivery *work_arrival(struct work *work, const struct envelope *envelope, struct arrival arrival);

/* Adds an invalid message, which becomes a dead letter. */
struct delivery *work_invalid(struct work *work, const char *reason);

/* The steps.  Each of the first three lets the loop run until the store answered. */
int work_load(struct work *work);
int work_flush(struct work *work);
int work_settle(struct work *work);
int work_find_locked(struct work *work, bool *locked);
int work_find_lost_leases(struct work *work);
void work_handle(struct work *work); /* loads more as needed, which must succeed */

/* Loads, handles and flushes; everything must succeed but the flush, whose failure is returned. */
int work_do(struct work *work);

/* The same for two units at once: the first one must succeed, and the failure of the second is returned. */
int work_do_both(struct work *first, struct work *second);

/* Begins a flush; work_wait() returns its outcome. */
void work_begin_flush(struct work *work);
int work_wait(struct work *work);

/* A store_done for other calls: `context` is the work. */
void work_answered(void *context, const struct failure *failure);

/* Before a call with work_answered, which work_wait() then waits for. */
void work_begin_call(struct work *work);

#endif
