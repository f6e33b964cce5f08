/*
 * The arguments of a command about dead letters, from a request.
 *
 * Each name is looked up in a closed list, and each value is checked by the rules of the command line before
 * it becomes part of a word `--name=value`; ids follow `--`.  So nothing in a request can become an option.
 */
#ifndef ALLOCD_ENTRYPOINTS_HTTP_ADMIN_ADMIN_ARGUMENTS_H
#define ALLOCD_ENTRYPOINTS_HTTP_ADMIN_ADMIN_ARGUMENTS_H

#include "bus/ports/codec.h"
#include "entrypoints/cli/commands.h"

/* The longest value, in characters, and the most ids. */
#define ADMIN_VALUE_MAX 4096
#define ADMIN_IDS_MAX   1000

struct admin_arguments {
	struct arena *arena;
	struct given_option *options;
	size_t option_count;
	const char **ids;
	size_t id_count;
	const char *error; /* one line that names what is wrong; NULL: nothing so far */
};

/* The names of filters that requests may have; ended by a row without a name. */
extern const struct command_option admin_filters[];

/* The options that members of a request's body become. */
extern const struct command_option admin_changes[];

/* These return false, and set the error, if the request is wrong.  `place` precedes the name there. */
bool admin_arguments_add(struct admin_arguments *arguments, const struct command_option *table,
			 const char *place, const char *name, const char *value);
bool admin_arguments_add_id(struct admin_arguments *arguments, int64_t id);

/* The value of an option that was added, or NULL. */
const char *admin_arguments_value(const struct admin_arguments *arguments, const char *name);

/* Checks what the options say together, as the command does. */
bool admin_arguments_check(struct admin_arguments *arguments);

__attribute__((format(printf, 2, 3))) bool admin_arguments_refuse(struct admin_arguments *arguments,
								  const char *format, ...);

/* A query has names of filters and the flag `discarded`; where there are `pages`, `limit` and `cursor`. */
bool admin_query_read(struct admin_arguments *arguments, const char *query, bool pages);

/* Members of a body, besides `filter` or `ids`, and `limit`. */
enum admin_members {
	TAKES_EDITS = 1 << 0,
	TAKES_RATE = 1 << 1, /* and whether the replay stops at a failure */
	TAKES_EXPECTED_COUNT = 1 << 2,
	TAKES_NOTE = 1 << 3,
	NEEDS_EXPECTED_COUNT = TAKES_EXPECTED_COUNT | 1 << 4, /* with `filter` */
};

bool admin_body_read(struct admin_arguments *arguments, struct bytes body, unsigned members);

/* `before`, then the options, `--` and the ids; ended by NULL. */
const char *const *admin_arguments_words(const struct admin_arguments *arguments, const char *const before[]);

#endif
