/*
 * Rebuilds the read model from the write side while workers continue.
 *
 * Both are scanned in pieces, by key.  A piece that agrees acquires no locks.  If one differs, the products
 * concerned are locked as a worker locks them, and the piece is compared again and corrected in a
 * transaction of its own.  What workers changed between two pieces, they have written to the read model
 * themselves.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_TOOLS_REBUILD_H
#define ALLOCD_ADAPTERS_POSTGRES_TOOLS_REBUILD_H

#include "adapters/postgres/tools/admin_results.h"
#include "adapters/postgres/tools/blocking_client.h"

/*
 * Calls `progress` after each piece.  Returns false after a failure: see the client.  What was corrected
 * until then stays and is counted, and the rebuild may be run again at any time.
 */
bool postgres_rebuild_view(struct blocking_client *client, struct rebuilding *rebuilding,
			   rebuilding_progress *progress, void *context);

#endif
