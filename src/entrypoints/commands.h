/*
 * The program's commands: one row each, from which the dispatch, the usage errors and the help are read.
 */
#ifndef ALLOCD_ENTRYPOINTS_COMMANDS_H
#define ALLOCD_ENTRYPOINTS_COMMANDS_H

#include "entrypoints/config.h"

/* What the program ends with. */
enum exit_status {
	STATUS_DONE = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_UNAVAILABLE = 69,   /* a service cannot be reached (EX_UNAVAILABLE) */
	STATUS_TRY_AGAIN = 75,     /* not all was done (EX_TEMPFAIL) */
	STATUS_CONFIGURATION = 78, /* (EX_CONFIG) */
};

/* A command as it was called. */
struct invocation {
	const struct command *command;
	const char **arguments; /* what is no option, after the command's name */
	size_t argument_count;
	struct option_value *options;
	size_t option_count;
	bool flag; /* the command's flag was given */
	bool help; /* --help was given: nothing else counts */

	struct config config; /* when the command uses settings */
	struct logger *logger;
	struct arena *arena;
};

struct command {
	const char *name;
	const char *arguments; /* as usage shows them */
	size_t arguments_min, arguments_max;
	const char *flag; /* its only option that is no setting, without dashes, or NULL */
	const char *flag_help;
	const char *summary; /* one line */
	const char *details; /* what `allocd help COMMAND` says besides */
	unsigned uses;       /* which settings: see USED_BY_...; 0: none */
	enum exit_status (*run)(const struct invocation *invocation);
};

extern const struct command commands[];
extern const size_t commands_count;

/* NULL when there is none of that name. */
const struct command *command_named(const char *name);

/* The rows' functions. */
enum exit_status command_run(const struct invocation *invocation);
enum exit_status command_migrate(const struct invocation *invocation);
enum exit_status command_publish(const struct invocation *invocation);
enum exit_status command_tail(const struct invocation *invocation);
enum exit_status command_config(const struct invocation *invocation);
enum exit_status command_version(const struct invocation *invocation);
enum exit_status command_help(const struct invocation *invocation);

#endif
