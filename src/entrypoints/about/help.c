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
		printf("  %-*s  %s\n", width, commands[i].name, commands[i].summary);
		found = true;
	}
	return found;
}

static void print_program(void)
{
	puts("usage: allocd COMMAND [OPTION]... [ARGUMENT]...\n\n"
	     "Decides which batch of stock each order line is taken from, and publishes events.\n\n"
	     "Examples:\n"
	     "  allocd run                                               # the worker\n"
	     "  allocd publish create_batch batchref=b-1 sku=lamp qty=10\n"
	     "  allocd tail                                              # events as they pass\n"
	     "  allocd dead-letters list                                 # what was not handled, and why");
	print_commands(NULL);
	puts("\nallocd help COMMAND shows more, and which settings the command uses.\n"
	     "Settings are options or environment variables: allocd config prints them.\n"
	     "Exit: 0 done, 1 failed, 2 usage, 69 a service cannot be reached, 75 try again,\n"
	     "76 the database refused, 78 configuration.");
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
