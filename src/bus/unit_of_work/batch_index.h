/*
 * The SKU that a batch belongs to, as far as it is known without asking the database: from the create_batch
 * commands on their way, and from a cache of batches that were found before.  The pair of reference and SKU
 * never changes.
 *
 * Neither table is a core/base/map: a map removes nothing, while creations are removed by the thousand, and
 * the cache must keep a fixed size and drop old entries.
 */
#ifndef ALLOCD_BUS_UNIT_OF_WORK_BATCH_INDEX_H
#define ALLOCD_BUS_UNIT_OF_WORK_BATCH_INDEX_H

#include "bus/messages/delivery.h"

struct batch_index;

struct batch_index *batch_index_new(void);
void batch_index_free(struct batch_index **index);

/* A create_batch is on its way, from its arrival until it is removed, which must be before it is freed. */
void batch_index_add_creation(struct batch_index *index, struct delivery *creation);
void batch_index_remove_creation(struct batch_index *index, struct delivery *creation);

/* The database has this batch: caches its SKU. */
void batch_index_remember(struct batch_index *index, const char *reference, const char *sku);

/*
 * Between watch and unwatch, everything that is remembered is kept, whether or not the cache has room for it.
 * The caller watches while a query for batches is under way, for this race would end in "unknown batch":
 *
 *     query:  asks for B, which is not there ........................ answers that there is no B
 *     lane:       commits create_batch of B, remembers B, removes the creation
 *     cache:                                     drops B for other batches
 */
void batch_index_watch(struct batch_index *index);
void batch_index_unwatch(struct batch_index *index);

/* The SKU of a batch that is stored, valid until the index changes; NULL: not known. */
const char *batch_index_stored(const struct batch_index *index, const char *reference);

/*
 * The SKU that a create_batch on its way names for the batch, valid until the index changes; NULL: there is
 * no such command.  It counts only when no batch of that reference is stored: otherwise the command will be
 * rejected.
 */
const char *batch_index_created(const struct batch_index *index, const char *reference);

#endif
