/* Implements the port of dead letters (bus/ports/dead_letter_archive.h) on Postgres. */
#ifndef ALLOCD_ADAPTERS_POSTGRES_PORTS_DEAD_LETTER_ARCHIVE_H
#define ALLOCD_ADAPTERS_POSTGRES_PORTS_DEAD_LETTER_ARCHIVE_H

#include "adapters/system/url_source.h"
#include "bus/ports/dead_letter_archive.h"

/*
 * Connects, and reconnects when needed; each call gives up after about `timeout_ms`.  Returns NULL, with one
 * line in *error (in `arena`), if the database cannot be reached now.
 */
struct dead_letters *postgres_dead_letters_open(const struct url_source *url, int timeout_ms,
						struct arena *arena, const char **error);

#endif
