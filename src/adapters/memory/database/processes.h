/* The table of processes. */
#ifndef ALLOCD_ADAPTERS_MEMORY_DATABASE_PROCESSES_H
#define ALLOCD_ADAPTERS_MEMORY_DATABASE_PROCESSES_H

#include "adapters/memory/database/database.h"
#include "bus/ports/process_store.h"

void database_begin_processes(struct database *database, struct process_start *starts, size_t count,
			      struct arena *arena);
size_t database_claim_processes(struct database *database, const struct process_claim *claim,
				struct due_process *due, struct arena *arena);
void database_end_process(struct database *database, int64_t key);

#endif
