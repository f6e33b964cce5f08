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
	bool has_value;             /* which must follow */
	const char *const *choices; /* all values that it may have, ended by NULL; or NULL */
};

/* Calls `found` for each option of the command, its settings among them; names are in `arena`. */
typedef void option_found(void *context, const struct completed_option *option);
void completion_find_options(const struct command *command, struct arena *arena, option_found *found,
			     void *context);

/* The words that the command's first argument may be, with blanks between them; "": any. */
const char *completion_arguments(const struct command *command, struct arena *arena);

/* The first words of all commands, or the second ones of a family; ended by NULL, each once. */
const char **completion_words(const char *family, struct arena *arena);

/* Words that end with NULL, with blanks between them. */
const char *completion_joined(const char *const words[], struct arena *arena);

/* Whether commands of two words begin with it. */
bool completion_is_family(const char *word);

/* zsh runs bash's script by its own bashcompinit. */
void completion_print_bash(bool for_zsh, struct arena *arena);
void completion_print_fish(struct arena *arena);

#endif
