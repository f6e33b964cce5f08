/* What the keeper knows of its leases. */
#include "bus/leases/lease_keeper.h"

#include "bus/leases/lease_keeper_internal.h"

static const struct leased *find_it(const struct lease_keeper *keeper, const void *it)
{
	const struct leased *leased = keeper->first;

	while (leased->it != it)
		leased = leased->next;
	return leased;
}

bool lease_keeper_has(const struct lease_keeper *keeper, const void *it)
{
	return find_it(keeper, it)->is_working;
}

bool lease_keeper_is_elsewhere(const struct lease_keeper *keeper, const void *it)
{
	return find_it(keeper, it)->is_elsewhere;
}

bool lease_keeper_is_to_come(const struct lease_keeper *keeper, const void *it)
{
	return stream_gate_is_to_come(&keeper->gate, find_it(keeper, it)->name);
}

int64_t lease_keeper_moved_ms_ago(const struct lease_keeper *keeper, const void *it)
{
	const struct leased *leased = find_it(keeper, it);

	return leased->has_moved ? keeper_now_ms(keeper) - leased->moved_ms : INT64_MAX;
}

bool lease_keeper_lost(const struct lease_keeper *keeper, const void *it)
{
	return find_it(keeper, it)->was_lost;
}

size_t lease_keeper_report(const struct lease_keeper *keeper, struct lease_report *reports, size_t max)
{
	size_t count = 0;

	for (const struct leased *it = keeper->first; it && count < max; it = it->next) {
		bool is_held = it->state == LEASED_HELD || it->state == LEASED_NOTING ||
			       it->state == LEASED_STOPPING;

		reports[count++] = (struct lease_report){it->name, is_held};
	}
	return count;
}

uint64_t lease_keeper_losses(const struct lease_keeper *keeper)
{
	return keeper->losses;
}

bool lease_keeper_was_elsewhere(const struct lease_keeper *keeper, const void *it)
{
	return find_it(keeper, it)->was_elsewhere;
}

bool lease_keeper_has_rival(const struct lease_keeper *keeper, const void *it)
{
	return find_it(keeper, it)->has_rival;
}

bool lease_keeper_holder_could_have(const struct lease_keeper *keeper, const void *it)
{
	return find_it(keeper, it)->holder_could_have;
}

int64_t lease_keeper_rolled_ms(const struct lease_keeper *keeper)
{
	return keeper->rolled_ms;
}

int64_t lease_keeper_rolls_since_ms(const struct lease_keeper *keeper)
{
	return workers_alive_since_ms(&keeper->alive, keeper_now_ms(keeper));
}

bool lease_keeper_is_resumed(const struct lease_keeper *keeper, const void *it)
{
	return find_it(keeper, it)->is_resumed;
}

const char *lease_keeper_note(const struct lease_keeper *keeper, const void *it)
{
	const struct leased *leased = find_it(keeper, it);

	if (!leased->lease)
		return leased->last_note;
	return leased->is_noted && (leased->state == LEASED_HELD || leased->state == LEASED_STOPPING)
		       ? leased->noted
		       : NULL;
}
