/*
 * Port: which SKU a batch belongs to.  See store_done.h for what every call has in common.
 */
#ifndef ALLOCD_BUS_PORTS_BATCH_DIRECTORY_H
#define ALLOCD_BUS_PORTS_BATCH_DIRECTORY_H

#include "bus/ports/store_done.h"
#include "core/base/arena.h"

#include <stddef.h>

struct resolved_batch {
	const char *reference;
	const char *sku; /* set to a text in `arena`, or NULL when there is no such batch */
};

struct batch_directory {
	const struct batch_directory_ops *ops;
};

struct batch_directory_ops {
	/* Looks up the SKUs of `count` batches in the database. */
	void (*resolve)(struct batch_directory *directory, struct resolved_batch *batches, size_t count,
			struct arena *arena, store_done *done, void *context);
};

#endif
