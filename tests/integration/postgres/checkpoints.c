/* The logbook on a real server, for the port test suite. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

#define LOGBOOKS_MAX 8

static struct checkpoints *logbooks[LOGBOOKS_MAX];
static size_t logbook_count;

static void set_up(struct logbook_fixture *fixture)
{
	(void)fixture;
	world_set_up();
}

static void tear_down(struct logbook_fixture *fixture)
{
	(void)fixture;
	while (logbook_count)
		postgres_checkpoints_free(&logbooks[--logbook_count]);
	world_tear_down();
}

static struct checkpoints *make_logbook(struct logbook_fixture *fixture)
{
	struct postgres_config config = world_config();

	(void)fixture;
	ck_assert_uint_lt(logbook_count, LOGBOOKS_MAX);
	logbooks[logbook_count] = postgres_checkpoints_new(&config);
	return logbooks[logbook_count++];
}

static void run_until(struct logbook_fixture *fixture, const bool *done)
{
	(void)fixture;
	world.fixture.run_until(&world.fixture, done);
}

static int64_t now(struct logbook_fixture *fixture)
{
	(void)fixture;
	return database_number("select (extract(epoch from clock_timestamp()) * 1000000)::bigint");
}

static void windows(struct logbook_fixture *fixture, char *text, size_t size)
{
	(void)fixture;
	snprintf(
		text, size, "%s",
		database_sql(
			"select string_agg(format('%%s %%s %%s;', (extract(epoch from since) * 1000000)::bigint,"
			" (extract(epoch from until) * 1000000)::bigint, cause), '' order by id)"
			" from blind_windows"));
}

static struct logbook_fixture the_fixture = {set_up, tear_down, make_logbook, run_until, now, windows};

struct logbook_fixture *const checkpoints_under_test = &the_fixture;
