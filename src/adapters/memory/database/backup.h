/* A backup of the whole database, for tests. */
#ifndef ALLOCD_ADAPTERS_MEMORY_DATABASE_BACKUP_H
#define ALLOCD_ADAPTERS_MEMORY_DATABASE_BACKUP_H

#include "adapters/memory/database/database.h"

/* Copies all tables.  The copy is only to be read, and valid until the database is freed. */
struct database *database_back_up(const struct database *database);

/*
 * Puts the tables of the backup, which can be used once, in the place of all that was committed since, on
 * a server that is up.  All sessions are lost with their calls, transactions and locks; the caller says so
 * to stores that have no call under way: memory_store_lose_session().  The timeline stays: see
 * database_promote().
 */
void database_restore(struct database *database, const struct database *backup);

#endif
