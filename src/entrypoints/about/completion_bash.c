/* The script for bash. */
#include "entrypoints/about/completion.h"

#include <stdio.h>
#include <string.h>

/* ---- options of a command, and the values of those that have a few ---- */

struct writing {
	struct arena *arena;
	const char *options;
	const char *with_value; /* those of the options that a value follows */
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
	if (option->value)
		writing->with_value =
			arena_printf(writing->arena, "%s --%s", writing->with_value, option->name);
	if (option->choices)
		add_choices(writing, option);
}

static void print_command(const struct command *command, struct writing *writing)
{
	writing->options = writing->with_value = "";
	completion_find_options(command, writing->arena, add_option, writing);
	printf("\t'%s')\n\t\toptions='%s'\n\t\tvalued='%s '\n\t\targuments='%s'", command->name,
	       writing->options, writing->with_value, completion_arguments(command, writing->arena));
	if (completion_lister(command->completes, "", writing->arena))
		fputs(command->completes == COMPLETES_DISCARDED ? " lister=_allocd_discarded"
								: " lister=_allocd_dead_letters",
		      stdout);
	fputs(" ;;\n", stdout);
}

static void print_choices(const struct writing *writing)
{
	for (size_t i = 0; i < writing->count; i++)
		printf("\t--%s) arguments='%s' ;;\n", writing->with_choices[i].name,
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
static const char head[] =
	"_allocd() {\n"
	"\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
	"\tlocal command=${COMP_WORDS[1]} first=2 seconds= options= valued= arguments= lister=\n"
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
				     "\tif [[ $word == -* ]]; then\n"
				     "\t\targuments=$options lister=\n"
				     "\tfi\n"
				     "\tif [[ $valued == *\" $before \"* ]]; then\n"
				     "\t\targuments= lister=\n"
				     "\tfi\n"
				     "\tcase $before in\n";

static const char tail[] = "\tesac\n"
			   "\tif [[ $lister ]]; then\n"
			   "\t\targuments=$($lister \"${COMP_WORDS[0]}\")\n"
			   "\tfi\n"
			   "\tCOMPREPLY=($(compgen -W \"$arguments\" -- \"$word\"))\n"
			   "}\n"
			   "complete -o default -F _allocd allocd\n";

static void print_lister(const char *function, enum completed_words which, struct arena *arena)
{
	printf("%s() {\n\t%s | cut -f 1\n}\n\n", function, completion_lister(which, "\"$1\"", arena));
}

void completion_print_bash(struct arena *arena)
{
	struct writing writing = {.arena = arena};

	fputs("# Completes the command line of allocd in bash.\n\n", stdout);
	print_lister("_allocd_dead_letters", COMPLETES_DEAD_LETTERS, arena);
	print_lister("_allocd_discarded", COMPLETES_DISCARDED, arena);
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
