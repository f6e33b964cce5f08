/* Warnings about the environment: unknown settings, and passwords that other users can read. */
#include "entrypoints/cli/text.h"
#include "entrypoints/config/config.h"

#include <string.h>

#define OUR_PREFIX "ALLOCD_"

/* Variables that allocd-dev sets for the clients of a worker: no settings. */
static const char *const known_others[] = {"ALLOCD_URL", "ALLOCD_DEV_URL"};

static struct nearest nearest_setting(const char *unknown, struct arena *arena)
{
	struct nearest nearest = {.word = unknown};

	for (size_t i = 0; i < settings_count; i++) {
		const struct setting *setting = &settings[i];

		nearest_consider(&nearest, setting->variable);
		if (setting->secret)
			nearest_consider(&nearest,
					 arena_printf(arena, "%s" FILE_VARIABLE_SUFFIX, setting->variable));
	}
	return nearest;
}

static void warn_of_unknown(const char *variable, struct logger *logger)
{
	struct arena *arena = arena_new(1024);
	const char *name = arena_printf(arena, "%.*s", (int)strcspn(variable, "="), variable);
	struct nearest nearest = nearest_setting(name, arena);

	for (size_t i = 0; i < sizeof known_others / sizeof *known_others; i++)
		nearest.distance = strcmp(name, known_others[i]) == 0 ? 0 : nearest.distance;
	if (nearest.distance > 0)
		LOG(logger, LOG_WARN, "unknown setting in the environment", LOG_TEXT("setting", name),
		    LOG_TEXT("nearest", nearest.name));
	arena_free(&arena);
}

void config_warn(const struct config *config, const char *const environment[], struct logger *logger)
{
	for (; *environment; environment++) {
		if (strncmp(*environment, OUR_PREFIX, sizeof OUR_PREFIX - 1) == 0)
			warn_of_unknown(*environment, logger);
	}
	for (size_t i = 0; i < settings_count; i++) {
		if (config->given[i].is_exposed)
			LOG(logger, LOG_WARN,
			    "every user of this machine can read a password in a file: chmod 600 protects it",
			    LOG_TEXT("setting", config->given[i].name),
			    LOG_TEXT("file", config->given[i].file));
	}
}
