/* Finds passwords in settings, to hide them. */
#ifndef ALLOCD_ENTRYPOINTS_CONFIG_SECRETS_H
#define ALLOCD_ENTRYPOINTS_CONFIG_SECRETS_H

#include "core/base/arena.h"
#include "entrypoints/config/settings.h"

#include <stdbool.h>

/*
 * The text with *** in place of every password: in a URL's user part or parameters, or as a keyword of
 * libpq.
 */
const char *secrets_hidden(const char *text, struct arena *arena);

/* Whether the text holds a password. */
bool secrets_present(const char *text);

/* The same two functions for the text of a setting, which may be a password as a whole. */
const char *setting_without_secret(const struct setting *setting, const char *text, struct arena *arena);
bool setting_has_secret(const struct setting *setting, const char *text);

#endif
