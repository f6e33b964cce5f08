/* The script for fish, which shows what commands and options do. */
#include "entrypoints/about/completion.h"

#include <stdio.h>
#include <string.h>

/* A text in single quotes, in which fish knows two escapes. */
static void print_quoted(const char *text)
{
	putchar('\'');
	for (; *text; text++) {
		if (strchr("'\\", *text))
			putchar('\\');
		putchar(*text);
	}
	putchar('\'');
}

struct fish {
	const struct command *command;
	struct arena *arena;
};

static void print_condition(const struct command *command)
{
	size_t length = strcspn(command->name, " ");

	printf("complete -c allocd -n '__fish_seen_subcommand_from %.*s", (int)length, command->name);
	if (command->name[length])
		printf("; and __fish_seen_subcommand_from %s", command->name + length + 1);
	putchar('\'');
}

static void print_option(void *context, const struct completed_option *option)
{
	const struct fish *fish = context;

	print_condition(fish->command);
	printf(" -l %s", option->name);
	if (option->letter)
		printf(" -s %c", option->letter);
	if (option->choices)
		printf(" -x -a '%s'", completion_joined(option->choices, fish->arena));
	else if (option->has_value)
		fputs(" -r", stdout);
	fputs(" -d ", stdout);
	print_quoted(option->help);
	putchar('\n');
}

static void print_name(const struct command *command)
{
	size_t length = strcspn(command->name, " ");

	if (!command->name[length])
		printf("complete -c allocd -n __fish_use_subcommand -a %s", command->name);
	else
		printf("complete -c allocd -n '__fish_seen_subcommand_from %.*s' -a %s", (int)length,
		       command->name, command->name + length + 1);
	fputs(" -d ", stdout);
	print_quoted(command->summary);
	putchar('\n');
}

static void print_command(const struct command *command, struct arena *arena)
{
	const char *arguments = completion_arguments(command, arena);
	struct fish fish = {command, arena};

	print_name(command);
	if (*arguments) {
		print_condition(command);
		fputs(" -a ", stdout);
		print_quoted(arguments);
		putchar('\n');
	}
	completion_find_options(command, arena, print_option, &fish);
}

void completion_print_fish(struct arena *arena)
{
	const char **words = completion_words(NULL, arena);

	puts("# Completes the command line of allocd in fish: allocd completion fish | source\n"
	     "complete -c allocd -f");
	for (size_t i = 0; words[i]; i++) {
		if (completion_is_family(words[i]))
			printf("complete -c allocd -n __fish_use_subcommand -a %s\n", words[i]);
	}
	for (size_t i = 0; i < commands_count; i++)
		print_command(&commands[i], arena);
}
