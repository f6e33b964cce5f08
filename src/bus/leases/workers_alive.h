/*
 * Judges which workers are alive, by the clock of the one that judges: a worker is dead when its beats were
 * the same, in every roll, for its whole time to live.
 */
#ifndef ALLOCD_BUS_LEASES_WORKERS_ALIVE_H
#define ALLOCD_BUS_LEASES_WORKERS_ALIVE_H

#include "bus/ports/lease_store.h"

#include <stdbool.h>

/* What was seen of another worker. */
struct seen_worker {
	char id[LEASE_UUID_SIZE];
	int64_t beats;
	int64_t dead_at_ms; /* unless it beats before */
	bool has_beaten;    /* since it was first seen */
};

struct workers_alive {
	struct seen_worker *seen;
	size_t count;
	int64_t first_ms; /* when the first roll was seen behind which no time was missed */
	int64_t last_ms;  /* when the last roll was seen */
	bool has_roll;    /* there was one, and since then no call failed and no time was missed */
	bool had_roll;    /* there was one at all */
};

void workers_alive_release(struct workers_alive *it);

/*
 * Sees a roll.  `self` is this worker's row: at its first roll it takes other workers of its name for dead,
 * because they are what it was before it was started again.
 */
void workers_alive_see(struct workers_alive *it, const struct lease_roll *roll, const struct worker_row *self,
		       int64_t now_ms);

/* No roll could be read: the time until the next one does not count. */
void workers_alive_lose(struct workers_alive *it);

/* Whether the worker is in the last roll, and not dead. */
bool workers_alive_has(const struct workers_alive *it, const char *id, int64_t now_ms);

/* Whether that worker has beaten since it was first seen. */
bool workers_alive_has_beaten(const struct workers_alive *it, const char *id);

/* Since when no time was missed between rolls; INT64_MAX: it is missed now. */
int64_t workers_alive_since_ms(const struct workers_alive *it, int64_t now_ms);

/* When the first of them is dead unless it beats; INT64_MAX: none is alive. */
int64_t workers_alive_next_death_ms(const struct workers_alive *it, int64_t now_ms);

#endif
