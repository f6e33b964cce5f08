/* Finds the command that the command line names, and runs it; refuses a name that no command has. */
#include "entrypoints/cli/program.h"

#include "entrypoints/cli/invoke.h"
#include "entrypoints/cli/print.h"
#include "entrypoints/cli/text.h"

#include <string.h>

/* The names of all commands, or of one family; empty: there is no such family. */
static const char *command_names(const char *family, struct arena *arena)
{
	const char *names = "";

	for (size_t i = 0; i < commands_count; i++) {
		if (!family || command_is_of_family(&commands[i], family))
			names = text_list_add(names, commands[i].name, arena);
	}
	return names;
}

/* Of a command of two words, the second one alone is a usual mistake. */
static const char *command_hint(const char *word, struct arena *arena)
{
	struct nearest nearest = {.word = word};

	for (size_t i = 0; i < commands_count; i++) {
		const char *blank = strchr(commands[i].name, ' ');

		if (blank && strcmp(blank + 1, word) == 0)
			return arena_printf(arena, "; did you mean %s?", commands[i].name);
		nearest_consider(&nearest, commands[i].name);
	}
	return nearest_hint(&nearest, "", arena);
}

/* The second word may be one of the command's name, or an argument. */
static void refuse(const char *const words[], const char *family, const char *all, struct arena *arena)
{
	const char *two = words[1] ? arena_printf(arena, "%s %s", words[0], words[1]) : words[0];
	const char *hint = command_hint(two, arena);

	if (!*hint)
		hint = command_hint(words[0], arena);
	if (!*hint)
		hint = arena_printf(arena, "; there are %s", *family ? family : all);
	print_error("there is no command '%s'%s", *family ? two : words[0], hint);
}

enum exit_status command_refuse_unknown(const char *const words[])
{
	struct arena *arena = arena_new(1024);
	const char *family = words[0] ? command_names(words[0], arena) : "",
		   *all = command_names(NULL, arena);

	if (words[0] && strcmp(words[0], "bench") == 0)
		print_error("bench is a program of its own now: run allocd-bench");
	else if (!words[0])
		print_error("expected a command (see allocd help)");
	else if (*family && !words[1])
		print_error("expected a command: %s", family);
	else
		refuse(words, family, all, arena);
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

	return command ? invoke(command, rest, environment) : command_refuse_unknown(words);
}
