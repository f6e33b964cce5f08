/*
 * Finds out that work stands still although nothing outside of the worker is known to hold it up.  Then a
 * restart is the remedy, and the only one.
 *
 * An error of Postgres or Redis is no standstill, not even one that no code names (`stalled`): the server
 * says the same after a restart, which loses the commands from channels that wait in memory.
 */
#ifndef ALLOCD_ENTRYPOINTS_SUPERVISION_STANDSTILL_H
#define ALLOCD_ENTRYPOINTS_SUPERVISION_STANDSTILL_H

#include "entrypoints/status/status.h"

/* How long it lasts before it counts: as long as that of the alert AllocdCommitsNothing. */
#define STANDSTILL_MS 60000

/* After a longer pause between two looks the process itself stood still, and has to be watched anew. */
#define STANDSTILL_LOOK_MS 10000

/* Zeroed at first.  Instants are of a monotonic clock. */
struct standstill {
	int64_t looked_ms;
	uint64_t units, published;          /* how many there were then */
	int64_t committed_ms, published_ms; /* when these rose last, or no message or event waited */
};

/* To be called about once a second.  Whether work has stood still for STANDSTILL_MS. */
bool standstill_is_long(struct standstill *standstill, const struct status *status, int64_t now_ms);

#endif
