/* Builds the environment of a child. */
#include "entrypoints/jobs/child_environment.h"

#include <string.h>

struct building {
	const char **entries;
	size_t count;
	struct arena *arena;
};

static void add(struct building *building, const char *entry)
{
	building->entries =
		arena_grow(building->arena, building->entries, building->count, sizeof(const char *));
	building->entries[building->count++] = entry;
}

/* Whether the entry is VARIABLE=… or VARIABLE_FILE=…. */
static bool is_of(const char *entry, const struct setting *setting)
{
	size_t length = strlen(setting->variable), suffix = strlen(FILE_VARIABLE_SUFFIX);

	if (strncmp(entry, setting->variable, length) != 0)
		return false;
	entry += length;
	if (setting->secret && !strncmp(entry, FILE_VARIABLE_SUFFIX, suffix))
		entry += suffix;
	return *entry == '=';
}

/* The worker checks the token of each request, and sends the mail. */
static bool is_withheld(const struct setting *setting)
{
	return setting->secret && !(setting->used_by & (USED_BY_DEAD_LETTERS | USED_BY_REPLAY));
}

static bool is_replaced(const struct setting *setting, const struct given *given)
{
	return is_withheld(setting) || given->origin == FROM_OPTION || (given->file && !given->changes);
}

static const struct setting *setting_of(const char *entry, const struct given **given,
					const struct config *config)
{
	for (size_t i = 0; i < settings_count; i++) {
		*given = &config->given[i];
		if (is_of(entry, &settings[i]))
			return &settings[i];
	}
	return NULL;
}

const char *const *child_environment(const struct config *config, const char *const environment[],
				     struct arena *arena)
{
	struct building building = {.arena = arena};
	const struct given *given;

	for (; *environment; environment++) {
		const struct setting *setting = setting_of(*environment, &given, config);

		if (!setting || !is_replaced(setting, given))
			add(&building, *environment);
	}
	for (size_t i = 0; i < settings_count; i++) {
		const struct setting *setting = &settings[i];

		given = &config->given[i];
		if (given->origin == FROM_DEFAULT || is_withheld(setting) || !is_replaced(setting, given))
			continue;
		if (given->file && given->changes)
			add(&building, arena_printf(arena, "%s" FILE_VARIABLE_SUFFIX "=%s", setting->variable,
						    given->file));
		else
			add(&building, arena_printf(arena, "%s=%s", setting->variable, given->text));
	}
	add(&building, NULL);
	return building.entries;
}
