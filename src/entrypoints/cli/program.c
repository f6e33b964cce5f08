/* Finds the command that the command line names, and runs it. */
#include "entrypoints/cli/program.h"

#include "entrypoints/cli/invoke.h"
#include "entrypoints/cli/print.h"

#include <string.h>

/* The names of all commands, or of one family; empty: there is no such family. */
static const char *command_names(const char *family, struct arena *arena)
{
	const char *names = "";

	for (size_t i = 0; i < commands_count; i++) {
		if (!family || command_is_of_family(&commands[i], family))
			names = arena_printf(arena, "%s%s%s", names, *names ? ", " : "", commands[i].name);
	}
	return names;
}

static enum exit_status unknown_command(const char *word)
{
	struct arena *arena = arena_new(1024);
	const char *family = word ? command_names(word, arena) : "", *all = command_names(NULL, arena);

	if (word && !*family && !command_refuse_moved(word))
		print_error("there is no command '%s'; there are %s", word, all);
	else if (!word || *family)
		print_error("expected a command: %s", *family ? family : all);
	arena_free(&arena);
	return STATUS_USAGE;
}

/* Accepts the spellings that users try first. */
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

enum exit_status program_main(const char *const words[], const char *const environment[])
{
	const char *const *rest;
	const struct command *command = command_for(words, &rest);

	return command ? invoke(command, rest, environment) : unknown_command(words[0]);
}
