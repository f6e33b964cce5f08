/* Operators' queries of the outbox. */
#ifndef ALLOCD_ADAPTERS_POSTGRES_TOOLS_OUTBOX_TOOLS_H
#define ALLOCD_ADAPTERS_POSTGRES_TOOLS_OUTBOX_TOOLS_H

#include "adapters/postgres/tools/admin_results.h"
#include "adapters/postgres/tools/blocking_client.h"

/* Returns false after a failure: see the client. */
bool postgres_find_events(struct blocking_client *client, const char *sku, struct kept_events *kept);

/* Called for each frame with its first version; returning false ends the reading. */
typedef bool frame_read(void *context, int64_t first_version, struct bytes frame);

/*
 * Reads the product's frames from the one that holds `from_version` on.  Returns false after a failure: see
 * the client.
 */
bool postgres_read_events(struct blocking_client *client, const char *sku, int64_t from_version,
			  frame_read *read, void *context);

/* Returns false after a failure: see the client. */
bool postgres_find_unfinished(struct blocking_client *client, struct unfinished_work *work);

#endif
