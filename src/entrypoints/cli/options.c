/* Splits the command line into options and arguments. */
#include "entrypoints/cli/options.h"

#include "entrypoints/cli/text.h"

#include <string.h>

struct parsing {
	struct invocation *invocation;
	struct arena *arena;
	const char *const *next; /* the word to parse next */
	const char *error;       /* NULL: no error so far */
};

static void complain(struct parsing *parsing, const char *what, const char *word)
{
	const struct command *command = parsing->invocation->command;

	parsing->error = arena_printf(parsing->arena, "%s%s%s (see %s)", command_prefix(parsing->invocation),
				      what, word, command_help_call(command, parsing->arena));
}

/* Whether the word is --NAME or --NAME=VALUE, with the suffix after NAME. */
static bool is_named(const char *word, const char *name, const char *suffix)
{
	size_t length = strlen(name);

	word += strlen("--");
	if (strncmp(word, name, length) != 0 || strncmp(word + length, suffix, strlen(suffix)) != 0)
		return false;
	word += length + strlen(suffix);
	return *word == '\0' || *word == '=';
}

static const char *name_of(const struct parsing *parsing, const char *word)
{
	return arena_printf(parsing->arena, "%.*s", (int)strcspn(word, "="), word);
}

/* The text after the equals sign, or the next word. */
static const char *parse_value(struct parsing *parsing, const char *word)
{
	const char *equals = strchr(word, '=');

	if (equals)
		return equals + 1;
	if (*parsing->next)
		return *parsing->next++;
	complain(parsing, "a value is missing after ", word);
	return NULL;
}

static void add_setting(struct parsing *parsing, const struct setting *setting, bool is_file,
			const char *word)
{
	struct invocation *invocation = parsing->invocation;
	const char *value = parse_value(parsing, word);

	invocation->options = arena_grow(parsing->arena, invocation->options, invocation->option_count,
					 sizeof *invocation->options);
	invocation->options[invocation->option_count++] = (struct option_value){setting, is_file, value};
}

/* Returns the command's setting that the word names, or NULL; sets whether it names the setting's file. */
static const struct setting *setting_named(const struct parsing *parsing, const char *word, bool *is_file)
{
	for (size_t i = 0; i < settings_count; i++) {
		const struct setting *setting = &settings[i];
		const char *name = setting_option(setting, parsing->arena);

		*is_file = setting->secret && is_named(word, name, FILE_OPTION_SUFFIX);
		if ((setting->used_by & parsing->invocation->command->uses) &&
		    (*is_file || is_named(word, name, "")))
			return setting;
	}
	return NULL;
}

static bool try_settings(struct parsing *parsing, const char *word)
{
	bool is_file;
	const struct setting *setting = setting_named(parsing, word, &is_file);

	if (setting)
		add_setting(parsing, setting, is_file, word);
	return setting;
}

const char *option_expected(enum option_kind kind, const char *text)
{
	int64_t number;

	switch (kind) {
	case OPTION_FLAG:
		break;
	case OPTION_TEXT:
		return text[0] ? NULL : "something";
	case OPTION_NUMBER:
		return text_to_number(text, &number) ? NULL : "a whole number";
	case OPTION_COUNT:
		return text_to_number(text, &number) && number > 0 ? NULL : "1 or more";
	case OPTION_AGE:
		return text_to_age(text, &number) ? NULL : "an age such as 90s, 15m, 2h or 7d";
	case OPTION_SECONDS:
		return text_to_ms(text, &number) ? NULL : "a number of seconds, such as 30 or 1.5,";
	}
	return NULL;
}

/* Whether the option, which may be bare, is: the word after it is not such a value. */
static bool is_bare(const struct parsing *parsing, const struct command_option *option, const char *word)
{
	return option->may_be_bare && !strchr(word, '=') &&
	       (!*parsing->next || option_expected(option->kind, *parsing->next));
}

static void add_own_option(struct parsing *parsing, const struct command_option *option, const char *word)
{
	struct invocation *invocation = parsing->invocation;
	bool has_value = option->kind != OPTION_FLAG && !is_bare(parsing, option, word);
	const char *text = has_value ? parse_value(parsing, word) : "";
	const char *expected = has_value && text ? option_expected(option->kind, text) : NULL;

	if (expected)
		complain(parsing, arena_printf(parsing->arena, "expected %s after --", expected),
			 option->name);
	if (option->kind == OPTION_FLAG && strchr(word, '='))
		complain(parsing, "no value is expected after --", option->name);
	invocation->own_options = arena_grow(parsing->arena, invocation->own_options,
					     invocation->own_option_count, sizeof *invocation->own_options);
	invocation->own_options[invocation->own_option_count++] = (struct given_option){option, text};
}

/* A command may have a flag of a setting's name: `--stream` is the flag, `--stream=NAME` the setting. */
static bool is_setting_of_flag(const struct parsing *parsing, const struct command_option *option,
			       const char *word)
{
	bool is_file;

	return option->kind == OPTION_FLAG && strchr(word, '=') && setting_named(parsing, word, &is_file);
}

/* Whether the word is -LETTER, --NAME or --NAME=VALUE. */
static bool is_own(const char *word, const struct command_option *option)
{
	if (strncmp(word, "--", 2) == 0)
		return is_named(word, option->name, "");
	return option->letter && word[1] == option->letter && !word[2];
}

static bool try_own_options(struct parsing *parsing, const char *word)
{
	const struct command_option *option = parsing->invocation->command->options;

	for (; option && option->name; option++) {
		if (is_own(word, option) && !is_setting_of_flag(parsing, option, word)) {
			add_own_option(parsing, option, word);
			return true;
		}
	}
	return false;
}

static void refuse_option(struct parsing *parsing, const char *word)
{
	const struct command *command = parsing->invocation->command;
	struct arena *arena = parsing->arena;
	const char *name = name_of(parsing, word);
	struct nearest nearest = {.word = name + strspn(name, "-")};

	for (const struct command_option *option = command->options; option && option->name; option++)
		nearest_consider(&nearest, option->name);
	for (size_t i = 0; i < settings_count; i++) {
		const char *option = setting_option(&settings[i], arena);

		if (!(settings[i].used_by & command->uses))
			continue;
		nearest_consider(&nearest, option);
		if (settings[i].secret)
			nearest_consider(&nearest, arena_printf(arena, "%s" FILE_OPTION_SUFFIX, option));
	}
	nearest_consider(&nearest, "help");
	complain(parsing, arena_printf(arena, "unknown option %s", name),
		 nearest_hint(&nearest, "--", arena));
}

static void parse_option(struct parsing *parsing, const char *word)
{
	if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0)
		parsing->invocation->help = true;
	else if (!try_own_options(parsing, word) &&
		 (strncmp(word, "--", 2) != 0 || !try_settings(parsing, word)))
		refuse_option(parsing, word);
}

static void add_argument(struct parsing *parsing, const char *word)
{
	struct invocation *invocation = parsing->invocation;

	invocation->arguments = arena_grow(parsing->arena, invocation->arguments, invocation->argument_count,
					   sizeof *invocation->arguments);
	invocation->arguments[invocation->argument_count++] = word;
}

/* A lone "-" is an argument, as in other programs. */
static void parse_word(struct parsing *parsing, bool *options_end)
{
	const char *word = *parsing->next++;

	if (!*options_end && strcmp(word, "--") == 0)
		*options_end = true;
	else if (!*options_end && word[0] == '-' && word[1])
		parse_option(parsing, word);
	else
		add_argument(parsing, word);
}

static void check_required(struct parsing *parsing)
{
	const struct invocation *invocation = parsing->invocation;
	const struct command_option *option = invocation->command->options;

	for (; option && option->name; option++) {
		if (option->required && !invocation_option(invocation, option->name))
			complain(parsing, "expected --",
				 arena_printf(parsing->arena, "%s %s", option->name, option->value));
	}
}

static void check_count(struct parsing *parsing)
{
	const struct invocation *invocation = parsing->invocation;

	if (invocation->argument_count < invocation->command->arguments_min)
		complain(parsing, "expected ", invocation->command->arguments);
	else if (invocation->argument_count > invocation->command->arguments_max)
		complain(parsing, "one argument too many: ",
			 invocation->arguments[invocation->command->arguments_max]);
}

bool options_parse(struct invocation *invocation, const struct command *command, const char *const words[],
		   const char **error)
{
	struct parsing parsing = {.invocation = invocation, .arena = invocation->arena, .next = words};
	bool options_end = false;

	invocation->command = command;
	while (*parsing.next && !parsing.error)
		parse_word(&parsing, &options_end);
	if (!parsing.error && !invocation->help) {
		check_required(&parsing);
		check_count(&parsing);
	}
	*error = parsing.error;
	return !parsing.error;
}

/* ---- what was parsed ---- */

const char *invocation_option_at(const struct invocation *invocation, const char *name, size_t index)
{
	for (size_t i = 0; i < invocation->own_option_count; i++) {
		if (strcmp(invocation->own_options[i].option->name, name) == 0 && index-- == 0)
			return invocation->own_options[i].text;
	}
	return NULL;
}

const char *invocation_option(const struct invocation *invocation, const char *name)
{
	const char *last = NULL, *text;

	for (size_t i = 0; (text = invocation_option_at(invocation, name, i)); i++)
		last = text;
	return last;
}

bool invocation_flag(const struct invocation *invocation, const char *name)
{
	return invocation_option(invocation, name) != NULL;
}

int64_t invocation_number(const struct invocation *invocation, const char *name, int64_t fallback)
{
	const char *text = invocation_option(invocation, name);

	if (text)
		text_to_number(text, &fallback);
	return fallback;
}

int64_t invocation_ms(const struct invocation *invocation, const char *name, int64_t fallback)
{
	const char *text = invocation_option(invocation, name);

	if (text)
		text_to_ms(text, &fallback);
	return fallback;
}
