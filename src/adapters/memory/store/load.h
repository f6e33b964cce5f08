/* Loading: what a unit of work asks for, and nothing more, out of the tables. */
#ifndef ALLOCD_ADAPTERS_MEMORY_STORE_LOAD_H
#define ALLOCD_ADAPTERS_MEMORY_STORE_LOAD_H

#include "adapters/memory/database/database.h"
#include "adapters/memory/database/locks.h"

/* Whether nothing was loaded for the unit yet. */
bool load_is_first(const struct unit_of_work *uow);

/* The products that the load is about to bring: a locking load locks them. */
struct lock_names load_locks(const struct database *database, const struct unit_of_work *uow,
			     struct arena *arena);

/* False: a product that was loaded before has another revision by now. */
bool load_unit(const struct database *database, struct unit_of_work *uow);

#endif
