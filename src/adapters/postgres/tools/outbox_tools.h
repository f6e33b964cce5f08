/*
 * The outbox as operators use it: giving the database a new incarnation, reading what was published.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_TOOLS_OUTBOX_TOOLS_H
#define ALLOCD_ADAPTERS_POSTGRES_TOOLS_OUTBOX_TOOLS_H

#include "adapters/postgres/tools/admin_results.h"
#include "adapters/postgres/tools/blocking_client.h"

#define INCARNATION_SIZE 37

/* The database's incarnation until now and from now on.  False: see the dialogue. */
bool postgres_renew_incarnation(struct blocking_client *client, char before[INCARNATION_SIZE],
				char after[INCARNATION_SIZE]);

/* False: see the dialogue. */
bool postgres_find_events(struct blocking_client *client, const char *sku, struct kept_events *kept);

/* Called with one frame after the other, the first version of each; false ends the reading. */
typedef bool frame_read(void *context, int64_t first_version, struct bytes frame);

/*
 * The product's frames from the one that holds `from_version` on.  False: see the dialogue, unless `read`
 * ended it.
 */
bool postgres_read_events(struct blocking_client *client, const char *sku, int64_t from_version,
			  frame_read *read, void *context);

/* False: see the dialogue. */
bool postgres_find_unfinished(struct blocking_client *client, struct unfinished_work *work);

#endif
