/* Prints the help, from the tables of commands and settings. */
#include "entrypoints/cli/commands.h"

#include "entrypoints/cli/print.h"

#include <string.h>

static int widest_name(void)
{
	size_t widest = 0;

	for (size_t i = 0; i < commands_count; i++) {
		if (strlen(commands[i].name) > widest)
			widest = strlen(commands[i].name);
	}
	return (int)widest;
}

/* Prints all commands, or those of one family; false when it has none. */
static bool print_commands(const char *family)
{
	int width = widest_name();
	bool found = false;

	for (size_t i = 0; i < commands_count; i++) {
		if (family && !command_is_of_family(&commands[i], family))
			continue;
		if (!family && commands[i].heading)
			printf("\n%s:\n", commands[i].heading);
		print_item(width + 4, commands[i].name, commands[i].summary);
		found = true;
	}
	return found;
}

/* Those of enum exit_status. */
static const struct {
	const char *number, *meaning;
} statuses[] = {
	{"0", "done"},
	{"1", "failed, or the answer is no: a message was rejected, a rule is broken"},
	{"2", "wrong usage; of status: the worker is not ready"},
	{"69", "Postgres, Redis or the worker cannot be reached"},
	{"75", "not everything was done, or not in time: try again"},
	{"76", "the database refused a statement about dead letters"},
	{"78", "a setting is wrong, or does not fit the database or Redis: do not try again"},
};

static void print_program(void)
{
	puts("usage: allocd COMMAND [OPTION]... [ARGUMENT]...\n\n"
	     "Decides which batch each order line is taken from, and publishes events.\n\n"
	     "Examples:\n"
	     "  allocd run                                               # the worker\n"
	     "  allocd publish create_batch batchref=b-1 sku=lamp qty=10\n"
	     "  allocd tail                                              # events as they pass\n"
	     "  allocd dead-letters list                                 # what was not handled, and why");
	print_commands(NULL);
	puts("\nExit status:");
	for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
		print_item(6, statuses[i].number, statuses[i].meaning);
	puts("\nallocd help COMMAND shows more, and which settings the command uses.  Settings\n"
	     "are options or environment variables: allocd config prints them.");
}

enum exit_status command_help(const struct invocation *invocation)
{
	size_t count = invocation->argument_count;
	const char *words[3] = {NULL};
	const struct command *command;
	const char *const *rest;

	for (size_t i = 0; i < count; i++)
		words[i] = invocation->arguments[i];
	if (count == 0) {
		print_program();
		return STATUS_DONE;
	}
	command = command_named(words, &rest);
	if (!command && count == 1 && print_commands(words[0]))
		return STATUS_DONE;
	if (!command || *rest)
		return command_refuse_unknown(words);
	command_explain(command);
	return STATUS_DONE;
}
