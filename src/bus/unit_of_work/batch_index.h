/*
 * What SKU a batch belongs to, as far as that is known without asking the database: the create_batch commands
 * on their way, and a bounded memory of what was found before.  The pair of reference and SKU never changes.
 */
#ifndef ALLOCD_BUS_UNIT_OF_WORK_BATCH_INDEX_H
#define ALLOCD_BUS_UNIT_OF_WORK_BATCH_INDEX_H

#include "bus/messages/delivery.h"

struct batch_index;

struct batch_index *batch_index_new(void);
void batch_index_free(struct batch_index **index);

/* A create_batch is on its way; until it is no more, which must be said before it is freed. */
void batch_index_add_creation(struct batch_index *index, struct delivery *creation);
void batch_index_remove_creation(struct batch_index *index, struct delivery *creation);

/* The database has this batch. */
void batch_index_remember(struct batch_index *index, const char *reference, const char *sku);

/*
 * While the database is asked about batches, creations come to their end that its answer does not show: from
 * now on, all that is remembered is kept, whether or not there is room in the cache.
 */
void batch_index_watch(struct batch_index *index);
void batch_index_unwatch(struct batch_index *index);

/* The SKU that the database has it under, valid until the index changes; NULL: not known. */
const char *batch_index_stored(const struct batch_index *index, const char *reference);

/*
 * The SKU under which it is being created, valid until the index changes; NULL: it is not.  Only where the
 * database has no such batch: else that creation will be rejected.
 */
const char *batch_index_created(const struct batch_index *index, const char *reference);

#endif
