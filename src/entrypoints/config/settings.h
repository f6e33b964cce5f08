/*
 * The settings: one row a setting, from which the environment, the options, the help, the checks and
 * `allocd config` are read.  Whatever gets a setting gets a row.
 */
#ifndef ALLOCD_ENTRYPOINTS_CONFIG_SETTINGS_H
#define ALLOCD_ENTRYPOINTS_CONFIG_SETTINGS_H

#include "core/base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which commands use a setting. */
enum command_set {
	USED_BY_RUN = 1 << 0,
	USED_BY_MIGRATE = 1 << 1,
	USED_BY_PUBLISH = 1 << 2,
	USED_BY_TAIL = 1 << 3,
	USED_BY_CONFIG = 1 << 4, /* every setting: it prints them */
	USED_BY_DATABASE_TOOLS = 1 << 5,
	USED_BY_REPUBLISH = 1 << 6,
	USED_BY_QUIESCE = 1 << 7,
	USED_BY_DEAD_LETTERS = 1 << 8, /* list, show, discard */
	USED_BY_REPLAY = 1 << 9,       /* of dead letters: what a worker decides and publishes by */
	USED_BY_BENCH = 1 << 10,
};

struct setting;

/* Reads `text` into `place`, which lies in a struct config; false when the setting does not accept it. */
typedef bool setting_parse(const struct setting *setting, const char *text, void *place, struct arena *arena);

/* Words after "expected"; in `arena`, or constant. */
typedef const char *setting_accepts(const struct setting *setting, struct arena *arena);

struct setting {
	const char *variable; /* "ALLOCD_LOG_LEVEL" */
	const char *fallback; /* the value where nobody sets one, as somebody would write it */
	const char *value;    /* what help calls the value */
	const char *help;     /* one line */
	setting_parse *parse;
	setting_accepts *accepts;
	size_t offset;              /* of the value in struct config */
	int32_t min, max;           /* of a number */
	const char *const *choices; /* of a choice, NULL at the end; the value is the index */
	bool empty_is_off;          /* else empty is as good as unset */
	bool secret;      /* may hold a password: has a VARIABLE_FILE too, and is never shown as it is */
	bool is_password; /* it is secret as a whole */
	unsigned used_by;
};

extern const struct setting settings[];
extern const size_t settings_count;

/* The variable's long option, without dashes: "log-level". */
const char *setting_option(const struct setting *setting, struct arena *arena);

/* What VARIABLE_FILE or --option-file is called; see `secret`. */
#define FILE_VARIABLE_SUFFIX "_FILE"
#define FILE_OPTION_SUFFIX   "-file"

#endif
