/* The Postgres adapter on a real server: the port test suites, and what only this adapter has to promise. */
#include "suites.h"
#include "world.h"

#include <signal.h>
#include <stdlib.h>

static bool migrate(void)
{
	char text[SCHEMA_TEXT_SIZE];

	struct url_source url = {
		.read = url_read_text,
		.context = (void *)(uintptr_t)database_way(database_conninfo()),
		.pooled = database_is_pooled(),
	};

	if (postgres_migrate(&url, 10000, world_logger(), text) == SCHEMA_READY)
		return true;
	fprintf(stderr, "%s\n", text);
	return false;
}

/* What is about the store, and not about the way to the server. */
static void add_ways_suites(SRunner *runner)
{
	srunner_add_suite(runner, ids_suite(&world.fixture));
	srunner_add_suite(runner, locks_suite(&world.fixture));
	srunner_add_suite(runner, logbook_suite(&postgres_checkpoints_fixture));
	srunner_add_suite(runner, sweep_suite());
	srunner_add_suite(runner, schema_suite());
	srunner_add_suite(runner, trouble_suite());
	srunner_add_suite(runner, concurrency_suite());
	srunner_add_suite(runner, loss_suite());
}

static int run_all(void)
{
	SRunner *runner = srunner_create(store_suite(&world.fixture));
	int failed;

	add_ways_suites(runner);
	if (database_is_pooled()) {
		srunner_add_suite(runner, pooler_suite());
	} else {
		srunner_add_suite(runner, conninfo_suite());
		srunner_add_suite(runner, connector_suite());
		srunner_add_suite(runner, blocking_client_suite());
		srunner_add_suite(runner, known_servers_suite());
		srunner_add_suite(runner, sqlstate_suite());
		srunner_add_suite(runner, plans_suite());
	}
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* With an argument: by way of a pooler. */
int main(int argc, char *argv[])
{
	int status = EXIT_FAILURE;

	(void)argv;
	if (argc > 1)
		database_use_pooler();

	signal(SIGPIPE, SIG_IGN); /* the proxies write to sockets that are gone */
	database_create();
	if (migrate())
		status = run_all();
	database_drop();
	return status;
}
