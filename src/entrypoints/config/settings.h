/*
 * The settings: one table that defines the variables, the options, the help, the checks and the output of
 * `allocd config`.  A new setting needs only a row and a member of struct config.
 */
#ifndef ALLOCD_ENTRYPOINTS_CONFIG_SETTINGS_H
#define ALLOCD_ENTRYPOINTS_CONFIG_SETTINGS_H

#include "core/base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest text of a setting that names no other, in bytes. */
#define SETTING_TEXT_MAX 1024

/* Commands that use a setting. */
enum command_set {
	USED_BY_RUN = 1 << 0,
	USED_BY_MIGRATE = 1 << 1,
	USED_BY_PUBLISH = 1 << 2,
	USED_BY_TAIL = 1 << 3,
	USED_BY_CONFIG = 1 << 4, /* it prints every setting */
	USED_BY_DATABASE_TOOLS = 1 << 5,
	USED_BY_REPUBLISH = 1 << 6,
	USED_BY_QUIESCE = 1 << 7,
	USED_BY_DEAD_LETTERS = 1 << 8, /* all but replay */
	USED_BY_REPLAY = 1 << 9,       /* it handles dead letters as the worker does */
	USED_BY_BENCH = 1 << 10,
	USED_BY_STATUS = 1 << 11,
	USED_BY_HEALTHCHECK = 1 << 12,
};

/* Commands that connect to Redis, and `config`. */
#define REDIS_USERS                                                                                          \
	(USED_BY_RUN | USED_BY_PUBLISH | USED_BY_TAIL | USED_BY_CONFIG | USED_BY_REPUBLISH |                 \
	 USED_BY_QUIESCE | USED_BY_REPLAY | USED_BY_BENCH | USED_BY_STATUS)

struct setting;

/* Reads `text` into `place`, which lies in a struct config; false when the setting does not accept it. */
typedef bool setting_parse(const struct setting *setting, const char *text, void *place, struct arena *arena);

/* The words that follow "expected" in an error; in `arena`, or constant. */
typedef const char *setting_accepts(const struct setting *setting, struct arena *arena);

struct setting {
	const char *heading;  /* of the settings from here on; NULL: that of those before */
	const char *variable; /* "ALLOCD_LOG_LEVEL" */
	const char *fallback; /* the default, as a user would write it */
	const char *value;    /* the placeholder in the help */
	const char *help;     /* one line */
	setting_parse *parse;
	setting_accepts *accepts;
	size_t offset;              /* of the value in struct config */
	int32_t min, max;           /* of a number; of a text, its longest in bytes, or 0 */
	const char *const *choices; /* of a choice, NULL at the end; the value is the index */
	bool empty_is_off;          /* otherwise an empty value counts as unset */
	bool secret; /* may hold a password: it has a VARIABLE_FILE, too, and its password is never shown */
	bool is_password; /* the whole value is a password */
	unsigned used_by;
};

extern const struct setting settings[];
extern const size_t settings_count;

/* The variable's long option, without dashes: "log-level". */
const char *setting_option(const struct setting *setting, struct arena *arena);

/* Whether it is one of the log, which all commands with settings have. */
bool setting_is_common(const struct setting *setting);

/* Suffixes of the variable and the option that name a file; see `secret`. */
#define FILE_VARIABLE_SUFFIX "_FILE"
#define FILE_OPTION_SUFFIX   "-file"

#endif
