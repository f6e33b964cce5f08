/*
 * What a shell completes, from the tables of commands, settings and messages, and the scripts that are made
 * of it.
 */
#ifndef ALLOCD_ENTRYPOINTS_ABOUT_COMPLETION_H
#define ALLOCD_ENTRYPOINTS_ABOUT_COMPLETION_H

#include "entrypoints/cli/commands.h"

/* An option of a command. */
struct completed_option {
	const char *name; /* without dashes */
	const char *help;
	char letter;                /* or '\0' */
	const char *value;          /* the placeholder of the value that must follow; NULL: none */
	const char *const *choices; /* all values that it may have, ended by NULL; or NULL */
};

/* Whether the option's value, which must follow, is the name of a file. */
bool completion_is_file(const struct completed_option *option);

/* Calls `found` for each option of the command, its settings among them; names are in `arena`. */
typedef void option_found(void *context, const struct completed_option *option);
void completion_find_options(const struct command *command, struct arena *arena, option_found *found,
			     void *context);

/*
 * A shell's command that prints ids of dead letters, one a line, with a tab and what each is about; NULL: the
 * command names no dead letters.  It ends after 2 seconds, and prints no error.  `program` is a word of the
 * shell.
 */
const char *completion_lister(enum completed_words which, const char *program, struct arena *arena);

/* The words that the command's first argument may be, with blanks between them; "": any. */
const char *completion_arguments(const struct command *command, struct arena *arena);

/* The first words of all commands, or the second ones of a family; ended by NULL, each once. */
const char **completion_words(const char *family, struct arena *arena);

/* Words that end with NULL, with blanks between them. */
const char *completion_joined(const char *const words[], struct arena *arena);

/* Whether commands of two words begin with it. */
bool completion_is_family(const char *word);

void completion_print_bash(struct arena *arena);
void completion_print_zsh(struct arena *arena);
void completion_print_fish(struct arena *arena);

#endif
