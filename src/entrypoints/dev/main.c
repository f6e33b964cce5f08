/* allocd-dev: a private Postgres, a private Redis and a worker, for development and for tests. */
#include "entrypoints/cli/invoke.h"
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/print.h"
#include "entrypoints/dev/dev_front.h"
#include "entrypoints/dev_servers/dev_port.h"
#include "entrypoints/main/setup.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* Where a person expects the page. */
#define USUAL_PORT 5005

/* clang-format off */
static const struct command_option options[] = {
	{"http", OPTION_NUMBER, .value = "PORT",
	 .help = "the worker's port for HTTP; 0: any free port; default: 5005, and any free port with COMMAND or --json"},
	{"keep", OPTION_TEXT, .value = "DIR", .help = "keep data and logs in DIR, and continue with what is there"},
	{"timeout", OPTION_SECONDS, .value = "SECONDS",
	 .help = "end this time after the worker is ready; COMMAND gets SIGTERM, and the exit status is 124"},
	{"json", .help = "print the addresses as one JSON object, for a program that starts allocd-dev"},
	{0},
};
/* clang-format on */

static enum exit_status run(const struct invocation *invocation);

static const struct command dev = {
	.name = "allocd-dev",
	.is_program = true,
	.arguments = "[-- COMMAND...]",
	.arguments_max = SIZE_MAX,
	.options = options,
	.summary = "Runs a private Postgres, a private Redis and a worker, for development and for tests.",
	.examples =
		"allocd-dev                   # prints their addresses; Ctrl-C ends it\n"
		"allocd-dev -- pytest -q      # runs the tests with them, and ends with their exit status\n"
		"curl -X POST $ALLOCD_DEV_URL/admin/reset   # between two tests: empties everything",
	.details = "COMMAND gets DATABASE_URL, REDIS_URL, ALLOCD_URL (http://HOST:PORT), ALLOCD_HTTP\n"
		   "(HOST:PORT) and ALLOCD_DEV_URL, and finds allocd in PATH.  Settings of the worker,\n"
		   "such as ALLOCD_ENVELOPE, are taken from the environment, but not DATABASE_URL,\n"
		   "REDIS_URL and ALLOCD_HTTP.  Only programs on this machine can connect.  When\n"
		   "allocd-dev, or the process that started it, ends in any way, its processes are ended\n"
		   "and its files removed, except those of --keep.  Started by root, it runs Postgres and\n"
		   "Redis as the user 'postgres' or 'nobody'.  docs/testing.md has examples.",
	.run = run,
};

/* Another program may use the usual port, but not the one that was asked for.  False: it was reported. */
static bool choose_port(const struct invocation *invocation, uint16_t *port)
{
	bool is_for_program = invocation->argument_count || invocation_flag(invocation, "json");
	int64_t wanted = invocation_number(invocation, "http", is_for_program ? 0 : USUAL_PORT);

	*port = wanted <= UINT16_MAX ? dev_port_reserve((uint16_t)wanted) : 0;
	if (!*port && !invocation_option(invocation, "http"))
		*port = dev_port_reserve(0);
	if (*port)
		return true;
	print_error("cannot use the port %" PRId64 ": %s", wanted,
		    wanted > UINT16_MAX ? "expected one from 0 to 65535" : strerror(errno));
	return false;
}

static const char *const *command_of(const struct invocation *invocation)
{
	const char **command;

	if (!invocation->argument_count)
		return NULL;
	command = arena_alloc(invocation->arena, (invocation->argument_count + 1) * sizeof *command);
	memcpy(command, invocation->arguments, invocation->argument_count * sizeof *command);
	return command;
}

static enum exit_status run(const struct invocation *invocation)
{
	struct dev_site site = {.arena = invocation->arena, .environment = (const char *const *)environ};
	struct dev_front_options front = {
		.command = command_of(invocation),
		.is_json = invocation_flag(invocation, "json"),
		.timeout_ms = invocation_ms(invocation, "timeout", 0),
	};

	if (front.command && front.is_json) {
		print_error("--json cannot be used with COMMAND, which has the addresses in its environment");
		return STATUS_USAGE;
	}
	site.is_quiet = front.command;
	if (!dev_programs_find(&site.programs, site.arena))
		return STATUS_UNAVAILABLE;
	if (!choose_port(invocation, &front.http_port))
		return STATUS_UNAVAILABLE;
	if (!dev_user_choose(&site.user, site.arena) ||
	    !dev_directory_make(&site.directory, invocation_option(invocation, "keep"), &site.user,
				site.arena))
		return STATUS_FAILED;
	return (enum exit_status)dev_front_run(&site, &front);
}

static enum exit_status print_version(const struct invocation *invocation)
{
	(void)invocation;
	puts("allocd-dev " ALLOCD_VERSION);
	return STATUS_DONE;
}

static const struct command version = {.name = "allocd-dev", .is_program = true, .run = print_version};

int main(int argc, char *argv[])
{
	const char *const *words = (const char *const *)argv + (argc > 0 ? 1 : 0);

	if (!setup_process())
		return STATUS_FAILED;
	print_errors_as(dev.name);
	if (words[0] && strcmp(words[0], "--version") == 0)
		return (int)invoke(&version, words + 1, (const char *const *)environ);
	return (int)invoke(&dev, words, (const char *const *)environ);
}
