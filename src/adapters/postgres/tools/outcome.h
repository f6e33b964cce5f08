/* The outcome of a message, by its id, and the events that it caused, for a client that waits for them. */
#ifndef ALLOCD_ADAPTERS_POSTGRES_TOOLS_OUTCOME_H
#define ALLOCD_ADAPTERS_POSTGRES_TOOLS_OUTCOME_H

#include "adapters/postgres/tools/admin_results.h"
#include "adapters/postgres/tools/blocking_client.h"
#include "core/base/arena.h"

#include <stddef.h>

/*
 * Queries the outcomes once and returns them in `arena`; *count is 0 if there is no outcome yet, also while
 * a shrink that such a message caused is in progress.  A message that was refused and later handled counts
 * as handled; one that was refused after another had spent the id is reported, too.  `id` must live as long
 * as the outcomes.  Returns false after a failure: see the client.
 */
bool postgres_find_outcomes(struct blocking_client *client, const char *id, struct arena *arena,
			    struct known_outcome **outcomes, size_t *count);

/* Returns true if the frame holds events of the message in question. */
typedef bool frame_found(void *context, struct bytes frame);

/*
 * Calls `found` with every frame that may hold events of a handled message, as long as frames are kept:
 * those of its commit, and after each frame that holds some, the next frame of its product.  Returns false
 * after a failure: see the client.
 */
bool postgres_read_effects(struct blocking_client *client, const struct known_outcome *outcome,
			   frame_found *found, void *context);

#endif
