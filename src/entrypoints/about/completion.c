/* `allocd completion`: prints a script by which a shell completes the program's command line. */
#include "entrypoints/about/completion.h"

#include "core/message.h"

#include <string.h>

/* ---- words ---- */

bool completion_is_family(const char *word)
{
	for (size_t i = 0; i < commands_count; i++) {
		if (command_is_of_family(&commands[i], word))
			return true;
	}
	return false;
}

const char **completion_words(const char *family, struct arena *arena)
{
	const char **words = arena_alloc(arena, (commands_count + 1) * sizeof *words);
	size_t count = 0;

	for (size_t i = 0; i < commands_count; i++) {
		const char *name = commands[i].name, *word;

		if (family && !command_is_of_family(&commands[i], family))
			continue;
		name += family ? strlen(family) + 1 : 0;
		word = arena_text(arena, name, strcspn(name, " "));
		if (!count || strcmp(words[count - 1], word) != 0)
			words[count++] = word;
	}
	return words;
}

const char *completion_joined(const char *const words[], struct arena *arena)
{
	const char *joined = "";

	for (size_t i = 0; words[i]; i++)
		joined = arena_printf(arena, "%s%s%s", joined, i ? " " : "", words[i]);
	return joined;
}

static const char *names_of_messages(bool events_too, struct arena *arena)
{
	const char *names[MSG_TYPES] = {NULL};
	size_t count = 0;

	for (int i = MSG_NONE + 1; i < MSG_TYPES; i++) {
		enum message_type type = (enum message_type)i;

		if (events_too || message_is_command(type))
			names[count++] = message_name(type);
	}
	return completion_joined(names, arena);
}

const char *completion_arguments(const struct command *command, struct arena *arena)
{
	char *words;

	switch (command->completes) {
	case COMPLETES_COMMANDS:
		return completion_joined(completion_words(NULL, arena), arena);
	case COMPLETES_MESSAGES:
		return names_of_messages(true, arena);
	case COMPLETES_MESSAGES_IN:
		return names_of_messages(false, arena);
	case COMPLETES_ALTERNATIVES:
		words = arena_strdup(arena, command->arguments);
		for (char *at = words; *at; at++)
			*at = strchr("[]|", *at) ? ' ' : *at;
		return words;
	case COMPLETES_NOTHING:
	case COMPLETES_DEAD_LETTERS:
	case COMPLETES_DISCARDED:
		break;
	}
	return "";
}

/* The database may be gone, slow or unknown: what a shell completes must not wait for it. */
const char *completion_lister(enum completed_words which, const char *program, struct arena *arena)
{
	if (which != COMPLETES_DEAD_LETTERS && which != COMPLETES_DISCARDED)
		return NULL;
	return arena_printf(
		arena,
		"timeout 2 %s dead-letters list%s --json --without-payload --limit 100 --start-wait 0 "
		"</dev/null 2>/dev/null | "
		"sed -n 's/^{\"id\":\\([0-9]*\\),\"outcome\":\"\\([a-z]*\\)\",\"reason\":\"\\([^\"]*\\).*/\\1\\t\\2: \\3/p'",
		program, which == COMPLETES_DISCARDED ? " --discarded" : "");
}

/* ---- options ---- */

bool completion_is_file(const struct completed_option *option)
{
	return strcmp(option->value, "FILE") == 0 || strcmp(option->value, "PATH") == 0;
}

static void find_setting(const struct setting *setting, struct arena *arena, option_found *found,
			 void *context)
{
	struct completed_option option = {
		.name = setting_option(setting, arena),
		.help = setting->help,
		.value = setting->value,
		.choices = setting->choices,
	};

	found(context, &option);
	if (!setting->secret)
		return;
	option.name = arena_printf(arena, "%s" FILE_OPTION_SUFFIX, option.name);
	option.help = "a file that holds it";
	option.value = "FILE";
	found(context, &option);
}

void completion_find_options(const struct command *command, struct arena *arena, option_found *found,
			     void *context)
{
	const struct command_option *own = command->options;

	for (; own && own->name; own++)
		found(context, &(struct completed_option){own->name, own->help, own->letter,
							  own->may_be_bare ? NULL : own->value, NULL});
	for (size_t i = 0; i < settings_count; i++) {
		if (settings[i].used_by & command->uses)
			find_setting(&settings[i], arena, found, context);
	}
	found(context, &(struct completed_option){"help", "show how to use the command", 'h', NULL, NULL});
}

/* ---- the command ---- */

enum exit_status command_completion(const struct invocation *invocation)
{
	const char *shell = invocation->arguments[0];

	if (strcmp(shell, "fish") == 0)
		completion_print_fish(invocation->arena);
	else if (strcmp(shell, "zsh") == 0)
		completion_print_zsh(invocation->arena);
	else if (strcmp(shell, "bash") == 0)
		completion_print_bash(invocation->arena);
	else
		return invocation_refuse(
			invocation,
			arena_printf(invocation->arena, "expected bash, zsh or fish, not '%s'", shell));
	return STATUS_DONE;
}
