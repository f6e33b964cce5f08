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

/* As the condition of a completion: all words are of the command's name, or it also has arguments. */
static void print_condition(const char *function, const char *name)
{
	printf("complete -c allocd -n '%s%s%s'", function, *name ? " " : "", name);
}

static void print_option(void *context, const struct completed_option *option)
{
	const struct fish *fish = context;

	print_condition("__allocd_in", fish->command->name);
	printf(" -l %s", option->name);
	if (option->letter)
		printf(" -s %c", option->letter);
	if (option->choices)
		printf(" -x -a '%s'", completion_joined(option->choices, fish->arena));
	else if (option->value)
		fputs(completion_is_file(option) ? " -r -F" : " -x", stdout);
	fputs(" -d ", stdout);
	print_quoted(option->help);
	putchar('\n');
}

/* The last word of the command's name completes those before it. */
static void print_name(const struct command *command, struct arena *arena)
{
	const char *blank = strchr(command->name, ' ');
	size_t length = blank ? (size_t)(blank - command->name) : 0;

	print_condition("__allocd_at", arena_text(arena, command->name, length));
	printf(" -a %s -d ", blank ? blank + 1 : command->name);
	print_quoted(command->summary);
	putchar('\n');
}

static void print_arguments(const struct command *command, struct arena *arena)
{
	const char *words = completion_arguments(command, arena);
	const char *lister = completion_lister(command->completes, "(commandline -opc)[1]", arena);

	if (!*words && !lister)
		return;
	print_condition(lister ? "__allocd_in" : "__allocd_at", command->name);
	fputs(" -a ", stdout);
	print_quoted(lister ? arena_printf(arena, "(%s)", lister) : words);
	putchar('\n');
}

static void print_command(const struct command *command, struct arena *arena)
{
	struct fish fish = {command, arena};

	print_name(command, arena);
	print_arguments(command, arena);
	completion_find_options(command, arena, print_option, &fish);
}

static const char head[] = "# Completes the command line of allocd in fish.\n\n"
			   "function __allocd_words\n"
			   "    string match -v -- '-*' (commandline -opc)[2..]\n"
			   "end\n\n"
			   "# Whether the words before the cursor begin with these.\n"
			   "function __allocd_in\n"
			   "    set -l words (__allocd_words)\n"
			   "    string match -q -- \"$argv *\" \"$words \"\n"
			   "end\n\n"
			   "# Whether they are these.\n"
			   "function __allocd_at\n"
			   "    set -l words (__allocd_words)\n"
			   "    test \"$words\" = \"$argv\"\n"
			   "end\n\n"
			   "complete -c allocd -f\n";

void completion_print_fish(struct arena *arena)
{
	const char **words = completion_words(NULL, arena);

	fputs(head, stdout);
	for (size_t i = 0; words[i]; i++) {
		if (completion_is_family(words[i]))
			printf("complete -c allocd -n __allocd_at -a %s\n", words[i]);
	}
	for (size_t i = 0; i < commands_count; i++)
		print_command(&commands[i], arena);
}
