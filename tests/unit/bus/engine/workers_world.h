/* Two workers on one database: `world` and `other`, with a batch of lamps that both allocate from. */
#ifndef ALLOCD_TESTS_BUS_WORKERS_WORLD_H
#define ALLOCD_TESTS_BUS_WORKERS_WORLD_H

#include "bus/publishing/publisher.h"
#include "support/rival.h"
#include "support/suites.h"

extern struct world *other;

void set_up_workers(void);
void tear_down_workers(void);

/* Has the worker allocate one lamp to order-NUMBER. */
void allocate_by(struct world *worker, int number);

/* The partition of the outbox that lamps belong to. */
struct outbox_partition *lamps_outbox(void);

const struct engine_stats *stats_of(const struct world *worker);

/* The number of rows that the broker's fence refused. */
size_t skipped_by_fence(void);

/* Asserts that the events of orders `first` to `last` were published, versions in step, and nothing else. */
void expect_published(int first, int last);

/* What was published after the first `count` events. */
const char *published_since(size_t count);

#endif
