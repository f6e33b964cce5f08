/* The fewest first, and then one at a time from the most to the fewest. */
#include "bus/leases/share_out.h"

static bool can_have(const struct share_out *it, size_t worker, size_t lease)
{
	return it->can_have[worker * it->lease_count + lease];
}

/* The worker with the fewest leases among those that could have this one; the first of several. */
static size_t fewest(const struct share_out *it, size_t lease)
{
	size_t found = NO_WORKER;

	for (size_t worker = 0; worker < it->worker_count; worker++) {
		if (can_have(it, worker, lease) &&
		    (found == NO_WORKER || it->count[worker] < it->count[found]))
			found = worker;
	}
	return found;
}

static void give(const struct share_out *it, size_t lease, size_t worker)
{
	it->owner[lease] = worker;
	if (worker != NO_WORKER)
		it->count[worker]++;
}

/* Leases stay with their holders; then the others are given away, in order. */
static void begin(const struct share_out *it)
{
	for (size_t worker = 0; worker < it->worker_count; worker++)
		it->count[worker] = 0;
	for (size_t lease = 0; lease < it->lease_count; lease++) {
		size_t holder = it->holder[lease];

		give(it, lease, holder != NO_WORKER && can_have(it, holder, lease) ? holder : NO_WORKER);
	}
	for (size_t lease = 0; lease < it->lease_count; lease++) {
		if (it->owner[lease] == NO_WORKER)
			give(it, lease, fewest(it, lease));
	}
}

/*
 * Moves one lease to a worker that has two fewer; of several leases, one of the worker that has the most.
 * Returns false if no lease is to move.  Each move brings the counts closer together, so the moves
 * come to an end.
 */
static bool move_one(const struct share_out *it)
{
	size_t lease = NO_WORKER, to = NO_WORKER;

	for (size_t i = 0; i < it->lease_count; i++) {
		size_t few = fewest(it, i);

		if (it->owner[i] == NO_WORKER || it->count[it->owner[i]] < it->count[few] + 2 ||
		    (lease != NO_WORKER && it->count[it->owner[i]] <= it->count[it->owner[lease]]))
			continue;
		lease = i;
		to = few;
	}
	if (lease == NO_WORKER)
		return false;
	it->count[it->owner[lease]]--;
	give(it, lease, to);
	return true;
}

void share_out(const struct share_out *it)
{
	begin(it);
	while (move_one(it))
		;
}
