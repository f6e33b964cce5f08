/* The script for zsh, which shows what commands and options do. */
#include "entrypoints/about/completion.h"

#include <stdio.h>
#include <string.h>

/* Part of a text in single quotes, in which a backslash stands before those signs. */
static void print_escaped(const char *text, const char *signs)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\'", stdout);
		else if (strchr(signs, *text))
			putchar('\\');
		putchar(*text);
	}
}

/* ---- options and arguments of a command, for _arguments ---- */

/* What completes a value: its choices, files, or nothing. */
static void print_value(const struct completed_option *option, struct arena *arena)
{
	putchar(':');
	print_escaped(option->value, ":\\");
	putchar(':');
	if (option->choices)
		printf("(%s)", completion_joined(option->choices, arena));
	else if (completion_is_file(option))
		fputs("_files", stdout);
}

static void print_option(void *context, const struct completed_option *option)
{
	fputs(" \\\n\t\t\t'", stdout);
	if (option->letter)
		printf("(-%c --%s)'{-%c,--%s}'", option->letter, option->name, option->letter, option->name);
	else
		printf("*--%s", option->name);
	fputs(option->value ? "=[" : "[", stdout);
	print_escaped(option->help, "[]\\");
	putchar(']');
	if (option->value)
		print_value(option, context);
	putchar('\'');
}

static void print_arguments(const struct command *command, struct arena *arena)
{
	const char *words = completion_arguments(command, arena);

	if (completion_lister(command->completes, "", arena))
		printf(" \\\n\t\t\t'*:dead letter:_allocd_dead_letters%s'",
		       command->completes == COMPLETES_DISCARDED ? "_discarded" : "");
	else if (*words)
		printf(" \\\n\t\t\t'1: :(%s)'", words);
}

static void print_command(const struct command *command, struct arena *arena)
{
	printf("\t'%s')\n\t\t_arguments -S", command->name);
	completion_find_options(command, arena, print_option, arena);
	print_arguments(command, arena);
	fputs(" ;;\n", stdout);
}

/* ---- names of commands, for _describe ---- */

static void print_described(const char *name, const char *summary)
{
	printf(" '%s:", name);
	print_escaped(summary, "");
	putchar('\'');
}

static const char *summary_of(const char *name)
{
	for (size_t i = 0; i < commands_count; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].summary;
	}
	return "";
}

/* The first words of all commands, or the second ones of a family. */
static void print_names(const char *family, struct arena *arena)
{
	const char **words = completion_words(family, arena);

	fputs("names=(", stdout);
	for (size_t i = 0; words[i]; i++) {
		const char *name = family ? arena_printf(arena, "%s %s", family, words[i]) : words[i];

		print_described(words[i], summary_of(name));
	}
	fputs(" )", stdout);
}

static void print_families(struct arena *arena)
{
	const char **words = completion_words(NULL, arena);

	for (size_t i = 0; words[i]; i++) {
		if (!completion_is_family(words[i]))
			continue;
		printf("\t%s) ", words[i]);
		print_names(words[i], arena);
		fputs(" first=3 ;;\n", stdout);
	}
}

/* ---- the script ---- */

static void print_lister(const char *function, enum completed_words which, struct arena *arena)
{
	printf("%s() {\n"
	       "\tlocal -a found=(${(f)\"$(%s)\"})\n"
	       "\tfound=(${${found//:/\\:}/$'\\t'/:})\n"
	       "\t_describe -V 'dead letter' found\n"
	       "}\n\n",
	       function, completion_lister(which, "$_allocd_program", arena));
}

static const char head[] = "#compdef allocd\n"
			   "# Completes the command line of allocd in zsh.\n\n";

static const char begin[] = "_allocd() {\n"
			    "\tlocal _allocd_program=$words[1] command=$words[2] first=2\n"
			    "\tlocal -a names\n"
			    "\tcase $command in\n";

/* The words of the command's name are replaced by one, which _arguments takes for the program. */
static const char after_families[] = "\tesac\n"
				     "\tif (( CURRENT == 2 )); then\n\t\t";

static const char after_names[] = "\n"
				  "\t\tfirst=2\n"
				  "\tfi\n"
				  "\tif (( CURRENT <= first )); then\n"
				  "\t\t_describe command names\n"
				  "\t\treturn\n"
				  "\tfi\n"
				  "\t(( first == 2 )) || command+=\" $words[3]\"\n"
				  "\twords=( \"$command\" \"${(@)words[first + 1,-1]}\" )\n"
				  "\t(( CURRENT -= first - 1 ))\n"
				  "\tcase $command in\n";

static const char tail[] =
	"\tesac\n"
	"}\n\n"
	"# zsh runs the file as the function when it finds it itself; otherwise it is sourced.\n"
	"if [[ $funcstack[1] == _allocd ]]; then\n"
	"\t_allocd \"$@\"\n"
	"else\n"
	"\tcompdef _allocd allocd\n"
	"fi\n";

void completion_print_zsh(struct arena *arena)
{
	fputs(head, stdout);
	print_lister("_allocd_dead_letters", COMPLETES_DEAD_LETTERS, arena);
	print_lister("_allocd_dead_letters_discarded", COMPLETES_DISCARDED, arena);
	fputs(begin, stdout);
	print_families(arena);
	fputs(after_families, stdout);
	print_names(NULL, arena);
	fputs(after_names, stdout);
	for (size_t i = 0; i < commands_count; i++)
		print_command(&commands[i], arena);
	fputs(tail, stdout);
}
