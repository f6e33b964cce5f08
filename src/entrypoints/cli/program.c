/* The program from its command line to its exit status. */
#include "entrypoints/cli/program.h"

#include "entrypoints/cli/options.h"
#include "entrypoints/cli/print.h"
#include "entrypoints/main/bootstrap.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

static enum exit_status complain(const char *error, enum exit_status status)
{
	print_error("%s", error);
	return status;
}

/* Of all commands, or of one family; empty: it has none. */
static const char *command_names(const char *family, struct arena *arena)
{
	const char *names = "";

	for (size_t i = 0; i < commands_count; i++) {
		if (!family || command_is_of_family(&commands[i], family))
			names = arena_printf(arena, "%s%s%s", names, *names ? ", " : "", commands[i].name);
	}
	return names;
}

static enum exit_status unknown_command(const char *word, struct arena *arena)
{
	const char *family = word ? command_names(word, arena) : "", *all = command_names(NULL, arena);
	const char *error = arena_printf(arena, "expected a command: %s", *family ? family : all);

	if (word && !*family)
		error = arena_printf(arena, "there is no command '%s'; there are %s", word, all);
	return complain(error, STATUS_USAGE);
}

/* --help and --version are what people try first. */
static const char *usual_name(const char *word)
{
	if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0)
		return "help";
	return strcmp(word, "--version") == 0 ? "version" : NULL;
}

static const struct command *command_for(const char *const words[], const char *const **rest)
{
	const char *usual[] = {words[0] ? usual_name(words[0]) : NULL, NULL};
	const struct command *command = command_named(usual[0] ? usual : words, rest);

	if (usual[0])
		*rest = words + 1;
	return command;
}

/*
 * The environment and the memory hold passwords: no core dump is written, and no other user's program
 * attaches.
 */
static void protect_secrets(void)
{
	(void)prctl(PR_SET_DUMPABLE, 0); /* a kernel that refuses it changes nothing else */
}

/* The settings, and the log that they configure. */
static enum exit_status run_configured(struct invocation *invocation, const char *const environment[])
{
	struct config *config = &invocation->config;
	enum exit_status status;
	const char *error;

	protect_secrets();
	if (!config_load(config, invocation->arena, environment, invocation->options,
			 invocation->option_count, &error) ||
	    !bootstrap_check(config, invocation->arena, &error))
		return complain(error, STATUS_CONFIGURATION);
	invocation->logger = bootstrap_logger_new(config);
	config_warn(config, environment, invocation->logger);
	status = invocation->command->run(invocation);
	bootstrap_logger_free(&invocation->logger);
	return status;
}

static enum exit_status dispatch(struct invocation *invocation, const char *const words[],
				 const char *const environment[])
{
	const char *const *rest;
	const struct command *command = command_for(words, &rest);
	const char *error;

	if (!command)
		return unknown_command(words[0], invocation->arena);
	if (!options_parse(invocation, command, rest, &error))
		return complain(error, STATUS_USAGE);
	if (invocation->help) {
		command_explain(command);
		return STATUS_DONE;
	}
	return command->uses ? run_configured(invocation, environment) : command->run(invocation);
}

enum exit_status program_main(const char *const words[], const char *const environment[])
{
	struct arena *arena = arena_new(4096);
	struct invocation invocation = {.arena = arena};
	enum exit_status status;

	/* A peer that is gone shows as an error of the write, not as the end of the program. */
	signal(SIGPIPE, SIG_IGN);
	status = dispatch(&invocation, words, environment);
	if (fflush(stdout) != 0 && status == STATUS_DONE)
		status = complain("cannot write to standard output", STATUS_FAILED);
	arena_free(&arena);
	return status;
}
