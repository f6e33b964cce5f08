/* The views port on a database in memory. */
#ifndef ALLOCD_ADAPTERS_MEMORY_PORTS_VIEWS_H
#define ALLOCD_ADAPTERS_MEMORY_PORTS_VIEWS_H

#include "adapters/memory/database/database.h"
#include "adapters/memory/simulation/cable.h"
#include "bus/ports/views.h"

struct memory_views;

struct memory_views *memory_views_new(struct database *database);

/* Drops reads under way.  Accepts NULL in *views and nulls it. */
void memory_views_free(struct memory_views **views);

struct views *memory_views_port(struct memory_views *views);
struct cable *memory_views_requests(struct memory_views *views);

/* Sets what a ping answers: at first that no clock and no breach is known. */
void memory_views_set_health(struct memory_views *views, struct database_health health);

#endif
