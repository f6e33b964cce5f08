/* Loads exactly what a unit of work asks for from the tables. */
#ifndef ALLOCD_ADAPTERS_MEMORY_STORE_LOAD_H
#define ALLOCD_ADAPTERS_MEMORY_STORE_LOAD_H

#include "adapters/memory/database/database.h"
#include "adapters/memory/database/locks.h"

/* Whether nothing has been loaded for the unit yet. */
bool load_is_first(const struct unit_of_work *uow);

/* Names the products that the load will put, which a locking load locks. */
struct lock_names load_locks(const struct database *database, const struct unit_of_work *uow,
			     struct arena *arena);

/*
 * Returns false if a product that was loaded earlier has another revision now, or if one exists now that an
 * earlier load did not find.
 */
bool load_unit(const struct database *database, struct unit_of_work *uow);

#endif
