/* The port of dead letters (bus/dead_letters.h) on Postgres. */
#ifndef ALLOCD_ADAPTERS_POSTGRES_DEAD_LETTERS_H
#define ALLOCD_ADAPTERS_POSTGRES_DEAD_LETTERS_H

#include "adapters/system/url_source.h"
#include "bus/dead_letters.h"

/*
 * Connects, and connects again whenever it must; each call gives up after about `timeout_ms`.  NULL, with one
 * line in *error (in `arena`), when the database is not there now.
 */
struct dead_letters *postgres_dead_letters_open(const struct url_source *url, int timeout_ms,
						struct arena *arena, const char **error);

#endif
