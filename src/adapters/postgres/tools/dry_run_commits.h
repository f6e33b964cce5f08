/*
 * A store for dry runs.  Its session has temporary tables with the names of the real ones, which they hide,
 * so that the worker's own statements run on them.  What a unit of work names is copied into them when it is
 * first named.  No row of a real table is locked, and the session is read only: the server refuses writes to
 * real tables.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_TOOLS_DRY_RUN_COMMITS_H
#define ALLOCD_ADAPTERS_POSTGRES_TOOLS_DRY_RUN_COMMITS_H

#include "adapters/postgres/connection/query_pipeline.h"
#include "bus/ports/batch_directory.h"
#include "bus/ports/process_store.h"
#include "bus/unit_of_work/unit_of_work.h"

/* Statements that create the tables of a session, each to be sent once, in order; NULL ends them. */
extern const char *const dry_run_setup[];

/* Copies everything that the unit names; a product is copied with all its lines. */
void dry_run_copy_unit(struct query_pipeline *pipeline, const struct unit_of_work *uow);

/* Copies the products that own the batches. */
void dry_run_copy_owners(struct query_pipeline *pipeline, const struct resolved_batch *batches, size_t count);

/* Copies the lines of the orders that the events are about, and whether the events' ids are spent. */
void dry_run_copy_orders(struct query_pipeline *pipeline, const struct process_start *starts, size_t count);

#endif
