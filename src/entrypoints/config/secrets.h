/* Passwords in connection strings, and how not to show them. */
#ifndef ALLOCD_ENTRYPOINTS_CONFIG_SECRETS_H
#define ALLOCD_ENTRYPOINTS_CONFIG_SECRETS_H

#include "core/base/arena.h"
#include "entrypoints/config/settings.h"

#include <stdbool.h>

/* The text with *** for every password: in a URL's user part or parameters, or as a keyword of libpq. */
const char *secrets_hidden(const char *text, struct arena *arena);

bool secrets_present(const char *text);

/* The same for the text of a setting, which may be a password as a whole or hold none. */
const char *setting_without_secret(const struct setting *setting, const char *text, struct arena *arena);
bool setting_has_secret(const struct setting *setting, const char *text);

#endif
