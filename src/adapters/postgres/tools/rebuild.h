/*
 * The read model made anew from the write side, while workers go on.
 *
 * Both are gone through in pieces, by key.  A piece that agrees costs nobody anything.  Where one does not,
 * the products that are concerned are locked as a worker locks them, and the piece is compared again and
 * corrected, in a transaction of its own: what workers did between two pieces, they showed in the read model
 * themselves.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_TOOLS_REBUILD_H
#define ALLOCD_ADAPTERS_POSTGRES_TOOLS_REBUILD_H

#include "adapters/postgres/tools/admin_results.h"
#include "adapters/postgres/tools/blocking_client.h"

/*
 * `progress` is called after each piece.  False: see the dialogue; what was corrected until then stays, and
 * is counted.  To begin anew is right at any time.
 */
bool postgres_rebuild_view(struct blocking_client *client, struct rebuilding *rebuilding,
			   rebuilding_progress *progress, void *context);

#endif
