/*
 * The program's commands: one row each, from which the dispatch, the usage errors and the help are read.
 */
#ifndef ALLOCD_ENTRYPOINTS_CLI_COMMANDS_H
#define ALLOCD_ENTRYPOINTS_CLI_COMMANDS_H

#include "entrypoints/config/config.h"

/* What the program ends with. */
enum exit_status {
	STATUS_DONE = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_UNAVAILABLE = 69,   /* a service cannot be reached (EX_UNAVAILABLE) */
	STATUS_TRY_AGAIN = 75,     /* not all was done (EX_TEMPFAIL) */
	STATUS_CONFIGURATION = 78, /* (EX_CONFIG) */
};

enum option_kind {
	OPTION_FLAG,    /* given, or not */
	OPTION_TEXT,    /* any but the empty one */
	OPTION_NUMBER,  /* a whole number from 0 */
	OPTION_SECONDS, /* 30, or 1.5 */
};

/* An option of a command that is no setting. */
struct command_option {
	const char *name; /* without dashes */
	enum option_kind kind;
	bool required;
	const char *value; /* what help calls the value; NULL: a flag has none */
	const char *help;  /* one line */
};

/* One that was given.  It can be given again and again; where only one can count, the last one does. */
struct given_option {
	const struct command_option *option;
	const char *text; /* fits the option's kind */
};

/* A command as it was called; see options.h for its own options. */
struct invocation {
	const struct command *command;
	const char **arguments; /* what is no option, after the command's name */
	size_t argument_count;
	struct option_value *options; /* settings */
	size_t option_count;
	struct given_option *own_options;
	size_t own_option_count;
	bool help; /* --help was given: nothing else counts */

	struct config config; /* when the command uses settings */
	struct logger *logger;
	struct arena *arena;
};

struct command {
	const char *name;      /* one word, or two: "outbox renew" */
	const char *arguments; /* as usage shows them */
	size_t arguments_min, arguments_max;
	const struct command_option *options; /* those that are no settings; NULL in `name` ends them */
	const char *summary;                  /* one line */
	const char *details;                  /* what `allocd help COMMAND` says besides */
	unsigned uses;                        /* which settings: see USED_BY_...; 0: none */
	bool is_program;                      /* the one command of a program of that name */
	enum exit_status (*run)(const struct invocation *invocation);
};

extern const struct command commands[];
extern const size_t commands_count;

/*
 * The command that the words, NULL-terminated, begin with; *rest is set to what follows its name.  NULL when
 * they begin with none.
 */
const struct command *command_named(const char *const words[], const char *const **rest);

/* Says on standard error which program a former command became, if the word names one; else returns false. */
bool command_refuse_moved(const char *word);

/* What an error of the command begins with: "republish: ", or "" for a program of one command. */
const char *command_prefix(const struct invocation *invocation);

/* What prints the command's help: "allocd help republish", or "allocd-bench --help". */
const char *command_help_call(const struct command *command, struct arena *arena);

/* Prints how to use it on standard output. */
void command_explain(const struct command *command);

/* Whether it is one of those whose names begin with that word and a blank. */
bool command_is_of_family(const struct command *command, const char *word);

/* The rows' functions. */
enum exit_status command_run(const struct invocation *invocation);
enum exit_status command_migrate(const struct invocation *invocation);
enum exit_status command_publish(const struct invocation *invocation);
enum exit_status command_tail(const struct invocation *invocation);
enum exit_status command_await(const struct invocation *invocation);
enum exit_status command_quiesce(const struct invocation *invocation);
enum exit_status command_verify(const struct invocation *invocation);
enum exit_status command_rebuild_view(const struct invocation *invocation);
enum exit_status command_republish(const struct invocation *invocation);
enum exit_status command_outbox_renew(const struct invocation *invocation);
enum exit_status command_dead_letters_list(const struct invocation *invocation);
enum exit_status command_dead_letters_show(const struct invocation *invocation);
enum exit_status command_dead_letters_replay(const struct invocation *invocation);
enum exit_status command_dead_letters_discard(const struct invocation *invocation);
enum exit_status command_config(const struct invocation *invocation);
enum exit_status command_version(const struct invocation *invocation);
enum exit_status command_help(const struct invocation *invocation);

#endif
