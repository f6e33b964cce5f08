/* Describes the call of a command: in errors, and in its help, from its row and the settings. */
#include "entrypoints/cli/commands.h"

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

	printf("usage: %s%s%s%s%s\n\n", command->is_program ? "" : "allocd ", command->name,
	       has_options ? " [OPTION]..." : "", command->arguments[0] ? " " : "", command->arguments);
	printf("%s\n", command->summary);
	if (command->details)
		printf("%s\n", command->details);
	if (has_options)
		print_options(command);
}
