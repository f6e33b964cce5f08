/* Where the servers of allocd-dev are. */
#include "entrypoints/dev/dev_addresses.h"

#include "core/base/must.h"
#include "entrypoints/cli/print.h"

#include <jansson.h>
#include <string.h>

/* ---- in the environment ---- */

/* Whether `entry`, NAME=value, sets the variable, or names a file for it. */
static bool concerns(const char *entry, const char *name)
{
	size_t length = strlen(name);

	return strncmp(entry, name, length) == 0 &&
	       (entry[length] == '=' || strncmp(entry + length, "_FILE=", strlen("_FILE=")) == 0);
}

static bool is_replaced(const char *entry, const struct dev_variable variables[], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (concerns(entry, variables[i].name))
			return true;
	}
	return false;
}

const char *const *dev_environment(const char *const environment[], const struct dev_variable variables[],
				   size_t count, struct arena *arena)
{
	size_t size = count + 1, next = 0;
	const char **made;

	while (environment[size - count - 1])
		size++;
	made = arena_alloc(arena, size * sizeof *made);
	for (; *environment; environment++) {
		if (!is_replaced(*environment, variables, count))
			made[next++] = *environment;
	}
	for (size_t i = 0; i < count; i++) {
		if (variables[i].value)
			made[next++] = arena_printf(arena, "%s=%s", variables[i].name, variables[i].value);
	}
	return made;
}

const char *const *dev_command_environment(const char *const environment[], const struct dev_addresses *at,
					   const char *folder, struct arena *arena)
{
	const char *path = getenv("PATH");
	const struct dev_variable variables[] = {
		{"DATABASE_URL", at->database_url},
		{"REDIS_URL", at->redis_url},
		{"ALLOCD_HTTP", at->http},
		{"ALLOCD_URL", arena_printf(arena, "http://%s", at->http)},
		{"ALLOCD_DEV_URL", at->dev_url},
		{"PATH", path ? arena_printf(arena, "%s:%s", path, folder) : folder},
	};

	return dev_environment(environment, variables, sizeof variables / sizeof *variables, arena);
}

/* ---- printed ---- */

void dev_addresses_print(const struct dev_addresses *at, const char *allocd, bool is_kept)
{
	printf("allocd %s for development; %s\n"
	       "  Page   http://%s/\n"
	       "  Reset  curl -X POST %s/admin/reset\n"
	       "\n"
	       "In another terminal:\n"
	       "  export ALLOCD_HTTP=%s ALLOCD_URL=http://%s\n"
	       "  export REDIS_URL=%s\n"
	       "  export DATABASE_URL='%s'\n"
	       "  %s publish create_batch batchref=batch-1 sku=lamp qty=100\n"
	       "\n"
	       "Ctrl-C ends it.\n",
	       ALLOCD_VERSION,
	       is_kept ? "its data stays when it ends"
		       : "everything is gone when it ends (--keep DIR keeps it)",
	       at->http, at->dev_url, at->http, at->http, at->redis_url, at->database_url, allocd);
	fflush(stdout);
}

void dev_addresses_print_json(const struct dev_addresses *at)
{
	struct arena *arena = arena_new(256);

	json_line_print(
		must(json_pack("{s:s, s:s, s:s, s:s, s:s}", "DATABASE_URL", at->database_url, "REDIS_URL",
			       at->redis_url, "ALLOCD_HTTP", at->http, "ALLOCD_URL",
			       arena_printf(arena, "http://%s", at->http), "ALLOCD_DEV_URL", at->dev_url)),
		stdout);
	fflush(stdout);
	arena_free(&arena);
}
