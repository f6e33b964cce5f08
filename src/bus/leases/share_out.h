/*
 * Shares the leases out among the workers that are alive: each worker computes the same from the same roll.
 *
 * The counts of two workers that could have the same leases differ by one at most, and as few leases as
 * possible move when a worker comes or goes: a lease stays with its holder unless that one has two more than
 * another.  (The rule of the "sticky" and "cooperative sticky" assignors of Kafka, KIP-54 and KIP-429, and of
 * the lease taker of the Kinesis Client Library, where workers balance leases in a table among themselves.
 * Rendezvous hashing moves as few, but its counts differ by more.)
 */
#ifndef ALLOCD_BUS_LEASES_SHARE_OUT_H
#define ALLOCD_BUS_LEASES_SHARE_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No worker that is alive has the lease, or could have it. */
#define NO_WORKER SIZE_MAX

struct share_out {
	size_t worker_count, lease_count;
	const bool *can_have; /* worker by worker: can_have[worker * lease_count + lease] */
	const size_t *holder; /* of each lease: a worker that is alive, or NO_WORKER */
	size_t *count;        /* room for a number for each worker */
	size_t *owner;        /* out: the worker that is to have each lease, or NO_WORKER */
};

void share_out(const struct share_out *it);

#endif
