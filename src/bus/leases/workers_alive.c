/* Compares each roll with what was seen before. */
#include "bus/leases/workers_alive.h"

#include "core/base/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * More time between two rolls is missed time, as after SIGSTOP or while the database was away: others may
 * have beaten, and that could not be seen.
 */
#define MISSED_MS 1500

void workers_alive_release(struct workers_alive *it)
{
	free(it->seen);
	*it = (struct workers_alive){0};
}

static const struct seen_worker *find(const struct workers_alive *it, const char *id)
{
	for (size_t i = 0; i < it->count; i++) {
		if (!strcmp(it->seen[i].id, id))
			return &it->seen[i];
	}
	return NULL;
}

/* When the worker is dead, as the roll shows it now. */
static int64_t death_of(const struct workers_alive *it, const struct worker_row *worker,
			const struct worker_row *self, int64_t now_ms)
{
	const struct seen_worker *before = find(it, worker->id);

	if (!it->had_roll && !strcmp(worker->name, self->name))
		return now_ms;
	if (before && before->beats == worker->beats && (it->has_roll || before->dead_at_ms <= it->last_ms))
		return before->dead_at_ms;
	return now_ms + worker->ttl_ms;
}

void workers_alive_see(struct workers_alive *it, const struct lease_roll *roll, const struct worker_row *self,
		       int64_t now_ms)
{
	struct seen_worker *seen = must_alloc((roll->worker_count + 1) * sizeof *seen);
	size_t count = 0;

	if (workers_alive_since_ms(it, now_ms) == INT64_MAX)
		it->first_ms = now_ms;
	it->has_roll = it->has_roll && now_ms - it->last_ms <= MISSED_MS;
	for (size_t i = 0; i < roll->worker_count; i++) {
		const struct worker_row *worker = &roll->workers[i];
		const struct seen_worker *before = find(it, worker->id);

		if (!strcmp(worker->id, self->id))
			continue;
		seen[count].has_beaten = before && (before->has_beaten || before->beats != worker->beats);
		snprintf(seen[count].id, sizeof seen[count].id, "%s", worker->id);
		seen[count].beats = worker->beats;
		seen[count++].dead_at_ms = death_of(it, worker, self, now_ms);
	}
	free(it->seen);
	it->seen = seen;
	it->count = count;
	it->last_ms = now_ms;
	it->has_roll = it->had_roll = true;
}

void workers_alive_lose(struct workers_alive *it)
{
	it->has_roll = false;
}

bool workers_alive_has(const struct workers_alive *it, const char *id, int64_t now_ms)
{
	const struct seen_worker *worker = find(it, id);

	return worker && worker->dead_at_ms > now_ms;
}

bool workers_alive_has_beaten(const struct workers_alive *it, const char *id)
{
	const struct seen_worker *worker = find(it, id);

	return worker && worker->has_beaten;
}

int64_t workers_alive_since_ms(const struct workers_alive *it, int64_t now_ms)
{
	return it->had_roll && now_ms - it->last_ms <= MISSED_MS ? it->first_ms : INT64_MAX;
}

int64_t workers_alive_next_death_ms(const struct workers_alive *it, int64_t now_ms)
{
	int64_t next_ms = INT64_MAX;

	for (size_t i = 0; i < it->count; i++) {
		if (it->seen[i].dead_at_ms > now_ms && it->seen[i].dead_at_ms < next_ms)
			next_ms = it->seen[i].dead_at_ms;
	}
	return next_ms;
}
