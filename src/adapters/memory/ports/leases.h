/*
 * The leases on a database in memory (the port bus/ports/lease_store.h).  Calls travel over `requests`,
 * answers over `answers` (see cable.h).
 */
#ifndef ALLOCD_ADAPTERS_MEMORY_PORTS_LEASES_H
#define ALLOCD_ADAPTERS_MEMORY_PORTS_LEASES_H

#include "adapters/memory/database/database.h"
#include "adapters/memory/simulation/cable.h"
#include "bus/ports/lease_store.h"

struct memory_leases;

struct memory_leases *memory_leases_new(struct database *database);

/* Drops calls under way.  Accepts NULL in *leases and nulls it. */
void memory_leases_free(struct memory_leases **leases);

/* Makes the next `count` changes fail as busy, as if a unit that is being committed kept the lease. */
void memory_leases_set_busy(struct memory_leases *leases, int count);

/* The next call is carried out, and its answer is lost. */
void memory_leases_lose_answer(struct memory_leases *leases);

struct lease_store *memory_leases_port(struct memory_leases *leases);
struct cable *memory_leases_requests(struct memory_leases *leases);
struct cable *memory_leases_answers(struct memory_leases *leases);

#endif
