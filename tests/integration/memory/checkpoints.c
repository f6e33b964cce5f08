/* The checkpoints in memory, for the port test suites. */
#include "integration/checkpoints/checkpoints_suite.h"

#include "adapters/memory/ports/checkpoints.h"

#include <inttypes.h>
#include <stdio.h>

#define MADE_MAX    8
#define PATIENCE_MS 60000

static struct simulation *simulation;
static struct database *database;
static struct memory_checkpoints *made[MADE_MAX];
static size_t made_count;

static void set_up(struct checkpoints_fixture *fixture)
{
	(void)fixture;
	simulation = simulation_new();
	database = database_new(simulation, &(struct database_config){0});
}

static void tear_down(struct checkpoints_fixture *fixture)
{
	(void)fixture;
	while (made_count)
		memory_checkpoints_free(&made[--made_count]);
	database_free(&database);
	simulation_free(&simulation);
}

static struct checkpoints *make_checkpoints(struct checkpoints_fixture *fixture)
{
	(void)fixture;
	ck_assert_uint_lt(made_count, MADE_MAX);
	made[made_count] = memory_checkpoints_new(database);
	return memory_checkpoints_port(made[made_count++]);
}

static bool is_done(void *context)
{
	const bool *const *done = context;

	return **done;
}

static void run_until(struct checkpoints_fixture *fixture, const bool *done)
{
	(void)fixture;
	ck_assert(simulation_run_until(simulation, is_done, &done, PATIENCE_MS));
}

static int64_t now(struct checkpoints_fixture *fixture)
{
	(void)fixture;
	return database_now(database);
}

static void gaps(struct checkpoints_fixture *fixture, char *text, size_t size)
{
	size_t used = 0;

	(void)fixture;
	*text = '\0';
	for (size_t i = 0; i < database->blind_window_count && used < size; i++) {
		const struct subscription_gap *window = &database->blind_windows[i];

		used += (size_t)snprintf(text + used, size - used, "%" PRId64 " %" PRId64 " %s;",
					 window->since, window->until, window->cause);
	}
}

static struct checkpoints_fixture the_fixture = {set_up, tear_down, make_checkpoints, run_until, now, gaps};

struct checkpoints_fixture *const checkpoints_under_test = &the_fixture;
