/* Parses and runs one command. */
#include "entrypoints/cli/invoke.h"

#include "entrypoints/cli/options.h"
#include "entrypoints/cli/print.h"
#include "entrypoints/main/setup.h"

#include <sys/prctl.h>

static enum exit_status fail(enum exit_status status, const char *error)
{
	print_error("%s", error);
	return status;
}

/*
 * The environment and the memory hold passwords: no core dump is written, and no other user's program
 * attaches.
 */
static void protect_secrets(void)
{
	(void)prctl(PR_SET_DUMPABLE, 0); /* a kernel that refuses it changes nothing else */
}

/* Loads the settings, opens the log that they configure, and runs the command. */
static enum exit_status run_configured(struct invocation *invocation, const char *const environment[])
{
	struct config *config = &invocation->config;
	struct faults *faults = &invocation->faults;
	enum exit_status status;

	protect_secrets();
	faults->arena = invocation->arena;
	config_load(config, invocation->arena, environment, invocation->options, invocation->option_count,
		    faults);
	setup_check(config, invocation->command->uses, faults);
	if (faults->count && !invocation->command->takes_faults)
		return fail(STATUS_CONFIGURATION, faults->texts[0]);
	invocation->logger = setup_logger_new(config);
	config_warn(config, environment, invocation->logger);
	status = invocation->command->run(invocation);
	setup_logger_free(&invocation->logger);
	return status;
}

static enum exit_status run(struct invocation *invocation, const struct command *command,
			    const char *const words[], const char *const environment[])
{
	const char *error;

	if (!options_parse(invocation, command, words, &error))
		return fail(STATUS_USAGE, error);
	if (invocation->help) {
		command_explain(command);
		return STATUS_DONE;
	}
	return command->uses ? run_configured(invocation, environment) : command->run(invocation);
}

enum exit_status invoke(const struct command *command, const char *const words[],
			const char *const environment[])
{
	struct arena *arena = arena_new(4096);
	struct invocation invocation = {.arena = arena};
	enum exit_status status;

	status = run(&invocation, command, words, environment);
	if (fflush(stdout) != 0 && status == STATUS_DONE)
		status = fail(STATUS_FAILED, "cannot write to standard output");
	arena_free(&arena);
	return status;
}
