/* Makes workers, and notes what is done with their work. */
#include "unit/bus/leases/lease_world.h"

#include <stdlib.h>
#include <string.h>

struct simulation *simulation;
struct database *database;
struct memory_logger lease_log;
struct lease_worker lease_workers[WORKERS_MAX];

static const char *const names[WORKS_MAX] = {"one", "two", "three", "four", "five", "six", "seven", "eight"};

/* ---- work ---- */

static void answer_end(void *context)
{
	struct work *work = context;
	store_done *done = work->ended;

	work->ended = NULL;
	if (done)
		done(work->ended_context, work->failure.text ? &work->failure : NULL);
}

static const char *note(void *it)
{
	return ((struct work *)it)->note;
}

static void end(void *it, const char *last_note, store_done *done, void *context)
{
	struct work *work = it;

	work->last_note = arena_strdup(database->arena, last_note);
	work->ended = done;
	work->ended_context = context;
	if (!work->is_ending_held)
		simulation_post(simulation, 0, answer_end, work);
}

static void begin(void *it, struct lease *lease, const char *last_note)
{
	struct work *work = it;

	ck_assert(!work->is_working);
	ck_assert(!lease->is_lost);
	work->is_working = true;
	work->begun++;
	(void)last_note;
	lease_release(&work->lease);
	work->lease = lease_hold(lease);
}

static void stop(void *it)
{
	struct work *work = it;

	ck_assert(work->is_working);
	work->is_working = false;
	work->stopped++;
}

static bool is_idle(void *it)
{
	return !((struct work *)it)->is_busy;
}

static bool has_ended(void *it)
{
	return !((struct work *)it)->is_calling;
}

static void lost(void *it)
{
	struct work *work = it;

	ck_assert(!work->is_working);
	ck_assert(!work->lease || work->lease->is_lost);
	work->lost++;
}

/* ---- workers ---- */

void set_up_leases(void)
{
	simulation = simulation_new();
	database = database_new(simulation, &(struct database_config){0});
	memory_logger_init(&lease_log);
}

void tear_down_leases(void)
{
	for (int worker = 0; worker < WORKERS_MAX; worker++)
		kill_worker(worker);
	memory_logger_release(&lease_log);
	database_free(&database);
	simulation_free(&simulation);
}

void make_worker(int worker, const char *name, int count)
{
	static const struct leased_ops ops = {note, end, begin, stop, is_idle, has_ended, lost};
	struct lease_worker *it = &lease_workers[worker];
	static uint64_t seeds;

	it->leases = memory_leases_new(database);
	memory_random_init(&it->random, ++seeds);
	memory_clock_init(&it->clock, simulation);
	it->keeper = lease_keeper_new(
		&(struct lease_keeper_ports){
			.store = memory_leases_port(it->leases),
			.clock = &it->clock.clock,
			.random = &it->random.random,
			.logger = &lease_log.logger,
		},
		name);
	for (int i = 0; i < count; i++) {
		it->works[i] = (struct work){.last_note = "",
					     .note = arena_printf(database->arena, "note of %s", name)};
		lease_keeper_add(it->keeper, names[i], &ops, &it->works[i]);
	}
}

void start_worker(int worker, const char *name, int count)
{
	make_worker(worker, name, count);
	lease_keeper_start(lease_workers[worker].keeper);
	simulation_run_until_idle(simulation);
}

void kill_worker(int worker)
{
	struct lease_worker *it = &lease_workers[worker];

	memory_leases_free(&it->leases);
	lease_keeper_free(&it->keeper);
	for (int i = 0; i < WORKS_MAX; i++)
		lease_release(&it->works[i].lease);
	memset(it->works, 0, sizeof it->works);
}

void freeze_worker(int worker)
{
	cable_hold(memory_leases_answers(lease_workers[worker].leases));
	cable_hold(memory_leases_requests(lease_workers[worker].leases));
}

void thaw_worker(int worker)
{
	cable_open(memory_leases_requests(lease_workers[worker].leases));
	cable_open(memory_leases_answers(lease_workers[worker].leases));
}

void pass_ms(int64_t ms)
{
	simulation_advance_ms(simulation, ms);
}

static bool is_working(void *context)
{
	return ((struct work *)context)->is_working;
}

int64_t ms_until_working(int worker, int work)
{
	int64_t begin_ms = simulation_now_ms(simulation);

	ck_assert(simulation_run_until(simulation, is_working, &lease_workers[worker].works[work], 60000));
	return simulation_now_ms(simulation) - begin_ms;
}

int works_of(int worker)
{
	int count = 0;

	for (int i = 0; i < WORKS_MAX; i++)
		count += lease_workers[worker].works[i].is_working;
	return count;
}

int holder_of(int work)
{
	const struct lease_row *row = database_lease(database, names[work]);

	for (int worker = 0; worker < WORKERS_MAX; worker++) {
		const struct lease *lease = lease_workers[worker].works[work].lease;

		if (lease && !strcmp(lease->term, row->term))
			return worker;
	}
	return -1;
}
