/* What the program tells about itself; all of it comes from the tables of commands and settings. */
#include "entrypoints/commands.h"

#include <string.h>

static void print_program(void)
{
	puts("usage: allocd COMMAND [OPTION]... [ARGUMENT]...\n\n"
	     "Decides which batch of stock each order line is taken from, and tells the world.\n");
	for (size_t i = 0; i < commands_count; i++)
		printf("  %-9s %s\n", commands[i].name, commands[i].summary);
	puts("\nallocd help COMMAND tells more, and which settings the command takes.\n"
	     "Exit: 0 done, 1 failed, 2 usage, 69 a service cannot be reached, 75 try again,\n"
	     "78 configuration.");
}

static void print_setting(const struct setting *setting, struct arena *arena)
{
	const char *option = arena_printf(arena, "--%s %s", setting_option(setting, arena), setting->value);

	printf("  %-28s %s\n  %-28s %s%s%s%s\n", option, setting->help, "", setting->variable,
	       setting->secret ? " or --" : "",
	       setting->secret
		       ? arena_printf(arena, "%s" FILE_OPTION_SUFFIX " FILE", setting_option(setting, arena))
		       : "",
	       setting->fallback[0] ? arena_printf(arena, "; default: %s", setting->fallback) : "");
}

static void print_options(const struct command *command)
{
	struct arena *arena = arena_new(1024);

	puts("\nOptions:");
	if (command->flag)
		printf("  --%-26s %s\n", command->flag, command->flag_help);
	for (size_t i = 0; i < settings_count; i++) {
		if (settings[i].used_by & command->uses)
			print_setting(&settings[i], arena);
	}
	arena_free(&arena);
}

static void print_command(const struct command *command)
{
	bool has_options = command->flag || command->uses;

	printf("usage: allocd %s%s%s%s\n\n", command->name, has_options ? " [OPTION]..." : "",
	       command->arguments[0] ? " " : "", command->arguments);
	printf("%s\n", command->summary);
	if (command->details)
		printf("%s\n", command->details);
	if (has_options)
		print_options(command);
}

enum exit_status command_help(const struct invocation *invocation)
{
	const struct command *command;

	if (invocation->argument_count == 0) {
		print_program();
		return STATUS_DONE;
	}
	command = command_named(invocation->arguments[0]);
	if (!command) {
		fprintf(stderr, "allocd: there is no command '%s'\n", invocation->arguments[0]);
		return STATUS_USAGE;
	}
	print_command(command);
	return STATUS_DONE;
}
