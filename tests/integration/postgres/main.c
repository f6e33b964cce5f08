/* The Postgres adapter on a real server: the port test suites, and what only this adapter has to promise. */
#include "suites.h"
#include "world.h"

#include <signal.h>
#include <stdlib.h>

static bool migrate(void)
{
	char text[SCHEMA_TEXT_SIZE];

	struct url_source url = {url_read_text, (void *)(uintptr_t)database_conninfo()};

	if (postgres_migrate(&url, 10000, world_logger(), text) == SCHEMA_READY)
		return true;
	fprintf(stderr, "%s\n", text);
	return false;
}

static int run_all(void)
{
	SRunner *runner = srunner_create(store_suite(&world.fixture));
	int failed;

	srunner_add_suite(runner, ids_suite(&world.fixture));
	srunner_add_suite(runner, locks_suite(&world.fixture));
	srunner_add_suite(runner, logbook_suite(&postgres_logbook_fixture));
	srunner_add_suite(runner, conninfo_suite());
	srunner_add_suite(runner, connector_suite());
	srunner_add_suite(runner, dialogue_suite());
	srunner_add_suite(runner, servers_suite());
	srunner_add_suite(runner, sqlstate_suite());
	srunner_add_suite(runner, sweep_suite());
	srunner_add_suite(runner, schema_suite());
	srunner_add_suite(runner, trouble_suite());
	srunner_add_suite(runner, concurrency_suite());
	srunner_add_suite(runner, loss_suite());
	srunner_add_suite(runner, plans_suite());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(void)
{
	int status = EXIT_FAILURE;

	signal(SIGPIPE, SIG_IGN); /* the proxies write to sockets that are gone */
	database_create();
	if (migrate())
		status = run_all();
	database_drop();
	return status;
}
