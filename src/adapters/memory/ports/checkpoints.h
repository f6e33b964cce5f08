/*
 * The checkpoints port on a database in memory.  Calls travel over `requests`, answers over `answers` (see
 * cable.h).
 */
#ifndef ALLOCD_ADAPTERS_MEMORY_PORTS_CHECKPOINTS_H
#define ALLOCD_ADAPTERS_MEMORY_PORTS_CHECKPOINTS_H

#include "adapters/memory/database/database.h"
#include "adapters/memory/simulation/cable.h"
#include "bus/ports/checkpoints.h"

struct memory_checkpoints;

struct memory_checkpoints *memory_checkpoints_new(struct database *database);

/* Drops calls under way.  Accepts NULL in *checkpoints and nulls it. */
void memory_checkpoints_free(struct memory_checkpoints **checkpoints);

/* Makes every call fail while the database is up, as if a privilege were missing or a table locked. */
void memory_checkpoints_set_refusing(struct memory_checkpoints *checkpoints, bool is_refusing);

struct checkpoints *memory_checkpoints_port(struct memory_checkpoints *checkpoints);
struct cable *memory_checkpoints_requests(struct memory_checkpoints *checkpoints);
struct cable *memory_checkpoints_answers(struct memory_checkpoints *checkpoints);

#endif
