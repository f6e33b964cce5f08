/* Checks the parts of a request, and makes arguments of a command from them. */
#include "entrypoints/http_admin/admin_arguments.h"

#include "entrypoints/cli/dead_letter_options.h"
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/text.h"
#include "entrypoints/dead_letters/dead_letter_filter.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct command_option admin_filters[] = {DEAD_LETTER_FILTERS, DISCARDED, {0}};

const struct command_option admin_changes[] = {
	DEAD_LETTER_LIMIT,
	{.name = "after", .kind = OPTION_NUMBER},
	{.name = "edit", .kind = OPTION_TEXT},
	{.name = "rate", .kind = OPTION_COUNT},
	{.name = "stop-at-failure"},
	{.name = "expect", .kind = OPTION_NUMBER},
	{.name = "note", .kind = OPTION_TEXT},
	{.name = "operator", .kind = OPTION_TEXT},
	{0},
};

bool admin_arguments_refuse(struct admin_arguments *arguments, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	arguments->error = arena_strdup(arguments->arena, text);
	return false;
}

static const char *names_of(const struct command_option *table, struct arena *arena)
{
	const char *names = "";

	for (; table->name; table++)
		names = text_list_add(names, table->name, arena);
	return names;
}

static const struct command_option *find(const struct command_option *table, const char *name)
{
	while (table->name && strcmp(table->name, name) != 0)
		table++;
	return table->name ? table : NULL;
}

static const char *expected(const struct command_option *option, const char *value)
{
	size_t count;

	if (option->kind == OPTION_FLAG)
		return *value && strcmp(value, "true") != 0 ? "true, or nothing" : NULL;
	if (!text_count(value, strlen(value), &count) || count > ADMIN_VALUE_MAX)
		return "at most 4096 characters of UTF-8";
	return option_expected(option->kind, value);
}

bool admin_arguments_add(struct admin_arguments *arguments, const struct command_option *table,
			 const char *place, const char *name, const char *value)
{
	const struct command_option *option = find(table, name);
	const char *words = option ? expected(option, value) : NULL;

	if (!option)
		return admin_arguments_refuse(arguments, "%s%.64s: unknown; expected one of %s", place, name,
					      names_of(table, arguments->arena));
	if (words)
		return admin_arguments_refuse(arguments, "%s%s: expected %s", place, name, words);
	arguments->options = arena_grow(arguments->arena, arguments->options, arguments->option_count,
					sizeof *arguments->options);
	arguments->options[arguments->option_count++] =
		(struct given_option){option, arena_strdup(arguments->arena, value)};
	return true;
}

bool admin_arguments_add_id(struct admin_arguments *arguments, int64_t id)
{
	if (id <= 0 || arguments->id_count == ADMIN_IDS_MAX)
		return admin_arguments_refuse(
			arguments, "ids: expected 1 to %d ids of dead letters, which are numbers from 1",
			ADMIN_IDS_MAX);
	arguments->ids =
		arena_grow(arguments->arena, arguments->ids, arguments->id_count, sizeof(const char *));
	arguments->ids[arguments->id_count++] = arena_printf(arguments->arena, "%" PRId64, id);
	return true;
}

const char *admin_arguments_value(const struct admin_arguments *arguments, const char *name)
{
	for (size_t i = 0; i < arguments->option_count; i++) {
		if (!strcmp(arguments->options[i].option->name, name))
			return arguments->options[i].text;
	}
	return NULL;
}

bool admin_arguments_check(struct admin_arguments *arguments)
{
	const struct invocation invocation = {
		.arguments = arguments->ids,
		.argument_count = arguments->id_count,
		.own_options = arguments->options,
		.own_option_count = arguments->option_count,
		.arena = arguments->arena,
	};
	struct dead_letter_filter filter;
	const char *error;

	return dead_letter_filter_read(&invocation, &filter, &error) ||
	       admin_arguments_refuse(arguments, "%s", error);
}

const char *const *admin_arguments_words(const struct admin_arguments *arguments, const char *const before[])
{
	size_t count = 0, at = 0;
	const char **words;

	while (before[count])
		count++;
	words = arena_alloc(arguments->arena,
			    (count + arguments->option_count + arguments->id_count + 2) * sizeof *words);
	memcpy(words, before, count * sizeof *words);
	for (at = count; at < count + arguments->option_count; at++) {
		const struct given_option *given = &arguments->options[at - count];

		words[at] =
			given->option->kind == OPTION_FLAG
				? arena_printf(arguments->arena, "--%s", given->option->name)
				: arena_printf(arguments->arena, "--%s=%s", given->option->name, given->text);
	}
	words[at++] = "--";
	for (size_t i = 0; i < arguments->id_count; i++)
		words[at++] = arguments->ids[i];
	words[at] = NULL;
	return words;
}
