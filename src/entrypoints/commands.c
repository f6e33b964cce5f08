/* The table of commands, and those that need no file of their own. */
#include "entrypoints/commands.h"

#include <stdint.h>
#include <string.h>

/* clang-format off */
static const struct command_option run_options[] = {
	{"no-migrate", .help = "leave the database's schema as it is; refuse one that does not fit"},
	{0},
};

const struct command commands[] = {
	{
		.name = "run", .arguments = "",
		.options = run_options,
		.summary = "be the worker: take commands, decide, publish events",
		.details = "Migrates the database first.  SIGTERM and SIGINT end it in order, within\n"
			   "10 seconds; a second signal ends it at once.",
		.uses = USED_BY_RUN, .run = command_run,
	},
	{
		.name = "migrate", .arguments = "",
		.summary = "bring the database's schema up to date",
		.details = "Doing it twice changes nothing.  A database that only newer programs\n"
			   "understand is refused.",
		.uses = USED_BY_MIGRATE, .run = command_migrate,
	},
	{
		.name = "publish", .arguments = "MESSAGE FIELD=VALUE...",
		.arguments_min = 1, .arguments_max = SIZE_MAX,
		.summary = "check a command against its schema and publish it on its channel",
		.details = "For example: allocd publish allocate orderid=order-1 sku=lamp qty=10\n"
			   "Ends with 69 when nobody listens: then the command is lost.",
		.uses = USED_BY_PUBLISH, .run = command_publish,
	},
	{
		.name = "tail", .arguments = "",
		.summary = "print events as they pass, one a line: its name, a blank, its payload as JSON",
		.details = "Until a signal ends it.  What passes while Redis is not there is not seen.",
		.uses = USED_BY_TAIL, .run = command_tail,
	},
	{
		.name = "config", .arguments = "",
		.summary = "print the settings in force as a commented environment file",
		.details = "Passwords are not shown.",
		.uses = USED_BY_CONFIG, .run = command_config,
	},
	{
		.name = "version", .arguments = "",
		.summary = "print the program's version",
		.run = command_version,
	},
	{
		.name = "help", .arguments = "[COMMAND]", .arguments_max = 2,
		.summary = "tell how to use the program, or one of its commands",
		.run = command_help,
	},
};
/* clang-format on */

const size_t commands_count = sizeof commands / sizeof commands[0];

/* What follows the name of one word or two; NULL when the words do not begin with it. */
static const char *const *words_after(const char *name, const char *const words[])
{
	size_t length = strcspn(name, " ");

	if (!words[0] || strlen(words[0]) != length || strncmp(words[0], name, length) != 0)
		return NULL;
	return name[length] ? words_after(name + length + 1, words + 1) : words + 1;
}

const struct command *command_named(const char *const words[], const char *const **rest)
{
	for (size_t i = 0; i < commands_count; i++) {
		*rest = words_after(commands[i].name, words);
		if (*rest)
			return &commands[i];
	}
	return NULL;
}

enum exit_status command_config(const struct invocation *invocation)
{
	config_print(&invocation->config, stdout);
	return STATUS_DONE;
}

enum exit_status command_version(const struct invocation *invocation)
{
	(void)invocation;
	puts("allocd " ALLOCD_VERSION);
	return STATUS_DONE;
}
