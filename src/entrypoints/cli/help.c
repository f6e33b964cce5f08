/* What the program tells about itself; all of it comes from the tables of commands and settings. */
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

/* All of them, or those of one family; false: it has none. */
static bool print_commands(const char *family)
{
	int width = widest_name();
	bool found = false;

	for (size_t i = 0; i < commands_count; i++) {
		if (family && !command_is_of_family(&commands[i], family))
			continue;
		printf("  %-*s  %s\n", width, commands[i].name, commands[i].summary);
		found = true;
	}
	return found;
}

static void print_program(void)
{
	puts("usage: allocd COMMAND [OPTION]... [ARGUMENT]...\n\n"
	     "Decides which batch of stock each order line is taken from, and tells the world.\n");
	print_commands(NULL);
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

static void print_own_option(const struct command_option *option, struct arena *arena)
{
	printf("  %-28s %s\n",
	       arena_printf(arena, "--%s%s%s", option->name, option->value ? " " : "",
			    option->value ? option->value : ""),
	       option->help);
}

static void print_options(const struct command *command)
{
	const struct command_option *option = command->options;
	struct arena *arena = arena_new(1024);

	puts("\nOptions:");
	for (; option && option->name; option++)
		print_own_option(option, arena);
	for (size_t i = 0; i < settings_count; i++) {
		if (settings[i].used_by & command->uses)
			print_setting(&settings[i], arena);
	}
	arena_free(&arena);
}

void command_explain(const struct command *command)
{
	bool has_options = command->options || command->uses;

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
	if (!command || *rest) {
		print_error("there is no command '%s%s%s'", words[0], words[1] ? " " : "",
			    words[1] ? words[1] : "");
		return STATUS_USAGE;
	}
	command_explain(command);
	return STATUS_DONE;
}
