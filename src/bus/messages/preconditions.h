/*
 * Preconditions: what must be true of the world for a command to make sense, checked before the domain is
 * asked.  (Syntax was checked at the edge; pragmatics is the domain's own.)
 */
#ifndef ALLOCD_BUS_MESSAGES_PRECONDITIONS_H
#define ALLOCD_BUS_MESSAGES_PRECONDITIONS_H

#include "bus/unit_of_work/unit_of_work.h"

/* The product of that SKU, or REJECT_INVALID_SKU. */
enum verdict ensure_product(struct unit_of_work *uow, const char *sku, struct product **product);

/* The batch of that reference and its product, or REJECT_UNKNOWN_BATCH. */
enum verdict ensure_batch(struct unit_of_work *uow, const char *reference, struct product **product,
			  struct batch **batch);

/* No other SKU has a batch of that reference: else REJECT_BATCHREF_TAKEN. */
enum verdict ensure_reference_not_elsewhere(struct unit_of_work *uow, const char *reference, const char *sku);

/* The id was not spent: else SKIP_DUPLICATE, or REJECT_ID_REUSED when it was by other content. */
enum verdict ensure_id_unspent(const struct inbox_slot *slot, uint64_t digest);

/* Nothing happens more than 5 minutes from now; NULL, or what is wrong. */
const char *ensure_not_in_future(int64_t occurred_at, int64_t now);

#endif
