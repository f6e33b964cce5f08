/* The Postgres adapter on a real server: the port test suites, and the tests of this adapter alone. */
#include "support/suites.h"
#include "world.h"

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

/* An argument makes the tests use a pooler. */
int main(int argc, char *argv[])
{
	int status = EXIT_FAILURE;

	(void)argv;
	if (argc > 1)
		database_use_pooler();
	database_create();
	if (migrate())
		status = run_suites();
	database_drop();
	return status;
}
