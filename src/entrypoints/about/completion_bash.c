/* The script for bash, which zsh understands, too. */
#include "entrypoints/about/completion.h"

#include <stdio.h>
#include <string.h>

/* ---- options of a command, and the values of those that have a few ---- */

struct writing {
	struct arena *arena;
	const char *options;
	struct completed_option *with_choices;
	size_t count;
};

static void add_choices(struct writing *writing, const struct completed_option *option)
{
	for (size_t i = 0; i < writing->count; i++) {
		if (strcmp(writing->with_choices[i].name, option->name) == 0)
			return;
	}
	writing->with_choices = arena_grow(writing->arena, writing->with_choices, writing->count,
					   sizeof *writing->with_choices);
	writing->with_choices[writing->count++] = *option;
}

static void add_option(void *context, const struct completed_option *option)
{
	struct writing *writing = context;

	writing->options = arena_printf(writing->arena, "%s%s--%s", writing->options,
					*writing->options ? " " : "", option->name);
	if (option->choices)
		add_choices(writing, option);
}

static void print_command(const struct command *command, struct writing *writing)
{
	writing->options = "";
	completion_find_options(command, writing->arena, add_option, writing);
	printf("\t'%s')\n\t\toptions='%s'\n\t\targuments='%s' ;;\n", command->name, writing->options,
	       completion_arguments(command, writing->arena));
}

static void print_choices(const struct writing *writing)
{
	for (size_t i = 0; i < writing->count; i++)
		printf("\t--%s) options= arguments='%s' ;;\n", writing->with_choices[i].name,
		       completion_joined(writing->with_choices[i].choices, writing->arena));
}

/* ---- the script ---- */

static void print_families(struct arena *arena)
{
	const char **words = completion_words(NULL, arena);

	for (size_t i = 0; words[i]; i++) {
		if (completion_is_family(words[i]))
			printf("\t%s) seconds='%s' ;;\n", words[i],
			       completion_joined(completion_words(words[i], arena), arena));
	}
}

/* Bash makes a word of each equals sign. */
static const char head[] = "_allocd() {\n"
			   "\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
			   "\tlocal command=${COMP_WORDS[1]} first=2 seconds= options= arguments=\n"
			   "\tif [[ $word == '=' ]]; then\n"
			   "\t\tword=\n"
			   "\telif [[ $before == '=' ]]; then\n"
			   "\t\tbefore=${COMP_WORDS[COMP_CWORD-2]}\n"
			   "\tfi\n"
			   "\tcase $command in\n";

static const char after_families[] = "\tesac\n"
				     "\tif [[ $seconds ]]; then\n"
				     "\t\tcommand=\"$command ${COMP_WORDS[2]}\" first=3\n"
				     "\tfi\n"
				     "\tif ((COMP_CWORD == 1)); then\n"
				     "\t\tcommand=\n"
				     "\telif ((COMP_CWORD < first)); then\n"
				     "\t\tcommand= arguments=$seconds\n"
				     "\tfi\n"
				     "\tcase $command in\n";

static const char after_commands[] = "\tesac\n"
				     "\tif ((COMP_CWORD > first)); then\n"
				     "\t\targuments=\n"
				     "\tfi\n"
				     "\tcase $before in\n";

static const char tail[] = "\tesac\n"
			   "\tif [[ $word == -* ]]; then\n"
			   "\t\targuments=$options\n"
			   "\tfi\n"
			   "\tCOMPREPLY=($(compgen -W \"$arguments\" -- \"$word\"))\n"
			   "}\n"
			   "complete -o default -F _allocd allocd\n";

void completion_print_bash(bool for_zsh, struct arena *arena)
{
	struct writing writing = {.arena = arena};

	fputs(for_zsh ? "# Completes the command line of allocd in zsh: source this in ~/.zshrc, behind compinit\n"
			"autoload -U +X bashcompinit && bashcompinit\n"
		      : "# Completes the command line of allocd in bash: source <(allocd completion bash)\n",
	      stdout);
	fputs(head, stdout);
	print_families(arena);
	fputs(after_families, stdout);
	printf("\t'') arguments=${arguments:-%s} ;;\n",
	       completion_joined(completion_words(NULL, arena), arena));
	for (size_t i = 0; i < commands_count; i++)
		print_command(&commands[i], &writing);
	fputs(after_commands, stdout);
	print_choices(&writing);
	fputs(tail, stdout);
}
