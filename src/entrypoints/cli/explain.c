/* Describes the call of a command: in errors, and in its help, from its row and the settings. */
#include "entrypoints/cli/commands.h"

#include "entrypoints/cli/print.h"

#include <string.h>

const char *command_prefix(const struct invocation *invocation)
{
	const struct command *command = invocation->command;

	return command->is_program ? "" : arena_printf(invocation->arena, "%s: ", command->name);
}

const char *command_help_call(const struct command *command, struct arena *arena)
{
	return command->is_program ? arena_printf(arena, "%s --help", command->name)
				   : arena_printf(arena, "allocd help %s", command->name);
}

enum exit_status invocation_refuse(const struct invocation *invocation, const char *error)
{
	print_error("%s%s (see %s)", command_prefix(invocation), error,
		    command_help_call(invocation->command, invocation->arena));
	return STATUS_USAGE;
}

/* Where the texts of options begin. */
#define OPTION_COLUMN 31

static void print_setting(const struct setting *setting, struct arena *arena)
{
	const char *option = setting_option(setting, arena);
	const char *file =
		setting->secret ? arena_printf(arena, " or --%s" FILE_OPTION_SUFFIX " FILE", option) : "";
	const char *fallback =
		setting->fallback[0] ? arena_printf(arena, "; default: %s", setting->fallback) : "";

	print_item(OPTION_COLUMN, arena_printf(arena, "--%s %s", option, setting->value), setting->help);
	printf("%*s", OPTION_COLUMN, "");
	print_wrapped(OPTION_COLUMN, arena_printf(arena, "%s%s%s", setting->variable, file, fallback));
}

static void print_own_option(const struct command_option *option, struct arena *arena)
{
	const char *letter = option->letter ? arena_printf(arena, "-%c, ", option->letter) : "";
	const char *value =
		option->value ? arena_printf(arena, option->may_be_bare ? " [%s]" : " %s", option->value)
			      : "";

	print_item(OPTION_COLUMN, arena_printf(arena, "%s--%s%s", letter, option->name, value), option->help);
}

static void print_own_options(const struct command *command, struct arena *arena)
{
	const struct command_option *option = command->options;

	if (option)
		puts("\nOptions:");
	for (; option && option->name; option++)
		print_own_option(option, arena);
}

/* Prints the command's settings that all commands with settings have, or its others. */
static void print_settings(const struct command *command, bool common, const char *heading,
			   struct arena *arena)
{
	for (size_t i = 0; i < settings_count; i++) {
		if (!(settings[i].used_by & command->uses) || setting_is_common(&settings[i]) != common)
			continue;
		if (heading)
			printf("\n%s\n", heading);
		heading = NULL;
		print_setting(&settings[i], arena);
	}
}

static void print_examples(const char *examples)
{
	puts("\nExamples:");
	while (*examples) {
		int length = (int)strcspn(examples, "\n");

		printf("  %.*s\n", length, examples);
		examples += length + (examples[length] == '\n');
	}
}

/* Options that are required are a part of the call. */
static void print_usage(const struct command *command)
{
	const struct command_option *option = command->options;

	printf("usage: %s%s", command->is_program ? "" : "allocd ", command->name);
	for (; option && option->name; option++) {
		if (option->required)
			printf(" --%s %s", option->name, option->value);
	}
	if (command->options || command->uses)
		fputs(" [OPTION]...", stdout);
	printf("%s%s\n\n", command->arguments[0] ? " " : "", command->arguments);
}

/* An empty line begins a paragraph. */
static void print_details(const char *details, struct arena *arena)
{
	while (*details) {
		const char *end = strstr(details, "\n\n");
		size_t length = end ? (size_t)(end - details) : strlen(details);

		putchar('\n');
		print_wrapped(0, arena_text(arena, details, length));
		details += length + (end ? 2 : 0);
	}
}

void command_explain(const struct command *command)
{
	struct arena *arena = arena_new(1024);

	print_usage(command);
	print_wrapped(0, command->summary);
	if (command->examples)
		print_examples(command->examples);
	if (command->details)
		print_details(command->details, arena);
	print_own_options(command, arena);
	print_settings(command, false, "Settings, as options or in the environment:", arena);
	print_settings(command, true, "Settings of the log:", arena);
	arena_free(&arena);
}
