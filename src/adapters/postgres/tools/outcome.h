/*
 * What became of a message, by its id, and the events that it caused: for who waits for it from outside.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_TOOLS_OUTCOME_H
#define ALLOCD_ADAPTERS_POSTGRES_TOOLS_OUTCOME_H

#include "adapters/postgres/tools/admin_results.h"
#include "adapters/postgres/tools/blocking_client.h"
#include "core/base/arena.h"

#include <stddef.h>

/*
 * Looks once, and brings them in `arena`; none: *count is 0.  None are known, either, as long as a shrink
 * goes on that such a message caused.  A message that was refused and then handled was handled; one that was
 * refused after another had spent the id is told besides that.  `id` must live as long as they do.  False:
 * see the dialogue.
 */
bool postgres_find_outcomes(struct blocking_client *client, const char *id, struct arena *arena,
			    struct known_outcome **outcomes, size_t *count);

/* True: the frame holds events of the message that is asked for. */
typedef bool frame_heard(void *context, struct bytes frame);

/*
 * Shows `heard` every frame in which the events of a message that was handled can be, as long as they are
 * kept: those of its commit, and after each that holds some, the next of its product.  False: see the
 * dialogue.
 */
bool postgres_read_effects(struct blocking_client *client, const struct known_outcome *outcome,
			   frame_heard *heard, void *context);

#endif
