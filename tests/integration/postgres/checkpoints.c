/* The checkpoints on a real server, for the port test suites. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

#define MADE_MAX 8

static struct checkpoints *made[MADE_MAX];
static size_t made_count;

static void set_up(struct checkpoints_fixture *fixture)
{
	(void)fixture;
	world_set_up();
}

static void tear_down(struct checkpoints_fixture *fixture)
{
	(void)fixture;
	while (made_count)
		postgres_checkpoints_free(&made[--made_count]);
	world_tear_down();
}

static struct checkpoints *make_checkpoints(struct checkpoints_fixture *fixture)
{
	struct postgres_config config = world_config();

	(void)fixture;
	ck_assert_uint_lt(made_count, MADE_MAX);
	made[made_count] = postgres_checkpoints_new(&config);
	return made[made_count++];
}

static void run_until(struct checkpoints_fixture *fixture, const bool *done)
{
	(void)fixture;
	world.fixture.run_until(&world.fixture, done);
}

static int64_t now(struct checkpoints_fixture *fixture)
{
	(void)fixture;
	return database_number("select (extract(epoch from clock_timestamp()) * 1000000)::bigint");
}

static void gaps(struct checkpoints_fixture *fixture, char *text, size_t size)
{
	(void)fixture;
	snprintf(
		text, size, "%s",
		database_sql(
			"select string_agg(format('%%s %%s %%s;', (extract(epoch from since) * 1000000)::bigint,"
			" (extract(epoch from until) * 1000000)::bigint, cause), '' order by id)"
			" from blind_windows"));
}

static struct checkpoints_fixture the_fixture = {set_up, tear_down, make_checkpoints, run_until, now, gaps};

struct checkpoints_fixture *const checkpoints_under_test = &the_fixture;
