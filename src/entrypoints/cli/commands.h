/*
 * The program's commands: one row for each, which serves the dispatch, the usage errors and the help.
 */
#ifndef ALLOCD_ENTRYPOINTS_CLI_COMMANDS_H
#define ALLOCD_ENTRYPOINTS_CLI_COMMANDS_H

#include "entrypoints/config/config.h"

/* Exit statuses of the program. */
enum exit_status {
	STATUS_DONE = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_UNAVAILABLE = 69,   /* a service cannot be reached (EX_UNAVAILABLE) */
	STATUS_TRY_AGAIN = 75,     /* not everything was done (EX_TEMPFAIL) */
	STATUS_REFUSED = 76,       /* the database refused a statement about dead letters (EX_PROTOCOL) */
	STATUS_CONFIGURATION = 78, /* (EX_CONFIG) */
};

enum option_kind {
	OPTION_FLAG,    /* without a value */
	OPTION_TEXT,    /* any text that is not empty */
	OPTION_NUMBER,  /* a whole number from 0 */
	OPTION_COUNT,   /* a whole number from 1 */
	OPTION_SECONDS, /* 30, or 1.5 */
	OPTION_AGE,     /* 90s, 15m, 2h, 7d */
};

/* An option of a command that is not a setting. */
struct command_option {
	const char *name; /* without dashes */
	enum option_kind kind;
	bool required;
	const char *value; /* the placeholder in the help; NULL for a flag */
	const char *help;  /* one line */
	bool may_be_bare;  /* the value may be left out */
	char letter;       /* of a flag that may be given as -LETTER, too; or '\0' */
};

/* An option that was given.  It may be repeated; if only one value applies, the last one does. */
struct given_option {
	const struct command_option *option;
	const char *text; /* fits the option's kind, or is "" where the value was left out */
};

/* A command as it was called; see options.h for its own options. */
struct invocation {
	const struct command *command;
	const char **arguments; /* the words after the command's name that are not options */
	size_t argument_count;
	struct option_value *options; /* settings */
	size_t option_count;
	struct given_option *own_options;
	size_t own_option_count;
	bool help; /* --help was given: the rest is ignored */

	struct config config; /* filled in when the command uses settings */
	struct faults faults; /* of the settings; none unless the command takes them */
	struct logger *logger;
	struct arena *arena;
};

/* What a shell completes the first argument to, or every one of those that may be repeated. */
enum completed_words {
	COMPLETES_NOTHING,
	COMPLETES_COMMANDS,     /* names of commands */
	COMPLETES_MESSAGES,     /* names of messages */
	COMPLETES_MESSAGES_IN,  /* names of messages that allocd takes */
	COMPLETES_ALTERNATIVES, /* the words that `arguments` has, such as "[live|ready]" */
	COMPLETES_DEAD_LETTERS, /* ids of dead letters, which the program lists */
	COMPLETES_DISCARDED,    /* ids of those that were discarded */
};

struct command {
	const char *name;      /* one word, or two: "outbox renew" */
	const char *heading;   /* of the commands from here on in the help; NULL: that of those before */
	const char *arguments; /* as usage shows them */
	size_t arguments_min, arguments_max;
	enum completed_words completes;
	const struct command_option *options; /* options that are not settings; ended by a NULL `name` */
	const char *summary;                  /* one line */
	const char *examples;                 /* calls, one a line; may end in a comment after " # " */
	const char *details;                  /* paragraphs of `allocd help COMMAND`, which are wrapped */
	unsigned uses;                        /* which settings: see USED_BY_...; 0: none */
	bool takes_faults;                    /* it is run even if settings are wrong */
	bool is_program;                      /* the only command of a program of that name */
	enum exit_status (*run)(const struct invocation *invocation);
};

extern const struct command commands[];
extern const size_t commands_count;

/*
 * The command that the NULL-terminated words begin with, or NULL; *rest is set to the words after its name.
 */
const struct command *command_named(const char *const words[], const char *const **rest);

/*
 * Reports on standard error that the NULL-terminated words begin with no command's name, and which commands
 * there are, or which one was probably meant.
 */
enum exit_status command_refuse_unknown(const char *const words[]);

/* The beginning of an error of the command: "republish: ", or "" for a program of one command. */
const char *command_prefix(const struct invocation *invocation);

/* Reports wrong usage on standard error. */
enum exit_status invocation_refuse(const struct invocation *invocation, const char *error);

/* The call that prints the command's help: "allocd help republish", or "allocd-bench --help". */
const char *command_help_call(const struct command *command, struct arena *arena);

/* Prints on standard output how to use the command. */
void command_explain(const struct command *command);

/* Whether the command's name begins with that word and a blank. */
bool command_is_of_family(const struct command *command, const char *word);

/* The functions of the commands. */
enum exit_status command_run(const struct invocation *invocation);
enum exit_status command_migrate(const struct invocation *invocation);
enum exit_status command_publish(const struct invocation *invocation);
enum exit_status command_tail(const struct invocation *invocation);
enum exit_status command_await(const struct invocation *invocation);
enum exit_status command_quiesce(const struct invocation *invocation);
enum exit_status command_verify(const struct invocation *invocation);
enum exit_status command_rebuild_view(const struct invocation *invocation);
enum exit_status command_republish(const struct invocation *invocation);
enum exit_status command_forget(const struct invocation *invocation);
enum exit_status command_outbox_renew(const struct invocation *invocation);
enum exit_status command_status(const struct invocation *invocation);
enum exit_status command_healthcheck(const struct invocation *invocation);
enum exit_status command_streams_resize(const struct invocation *invocation);
enum exit_status command_dead_letters_list(const struct invocation *invocation);
enum exit_status command_dead_letters_show(const struct invocation *invocation);
enum exit_status command_dead_letters_replay(const struct invocation *invocation);
enum exit_status command_dead_letters_discard(const struct invocation *invocation);
enum exit_status command_dead_letters_restore(const struct invocation *invocation);
enum exit_status command_dead_letters_export(const struct invocation *invocation);
enum exit_status command_config(const struct invocation *invocation);
enum exit_status command_schema(const struct invocation *invocation);
enum exit_status command_completion(const struct invocation *invocation);
enum exit_status command_version(const struct invocation *invocation);
enum exit_status command_help(const struct invocation *invocation);

#endif
