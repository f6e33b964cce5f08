/*
 * Preconditions of commands, checked before the domain decides: what a command names must exist.  (The
 * codec has checked the syntax; all other checks are the domain's.)
 */
#ifndef ALLOCD_BUS_MESSAGES_PRECONDITIONS_H
#define ALLOCD_BUS_MESSAGES_PRECONDITIONS_H

#include "bus/unit_of_work/unit_of_work.h"

/* Finds the product of that SKU, or returns REJECT_INVALID_SKU. */
enum verdict ensure_product(struct unit_of_work *uow, const char *sku, struct product **product);

/* Finds the batch of that reference and its product, or returns REJECT_UNKNOWN_BATCH. */
enum verdict ensure_batch(struct unit_of_work *uow, const char *reference, struct product **product,
			  struct batch **batch);

/* Returns REJECT_BATCHREF_TAKEN if another SKU has a batch of that reference. */
enum verdict ensure_reference_not_elsewhere(struct unit_of_work *uow, const char *reference, const char *sku);

/* If the id is spent: SKIP_DUPLICATE, or REJECT_ID_REUSED when a message with other content spent it. */
enum verdict ensure_id_unspent(const struct inbox_slot *slot, uint64_t digest);

/* Whether `occurred_at` is more than 5 minutes ahead of `now`; and what is wrong then. */
bool is_from_future(int64_t occurred_at, int64_t now);
#define FROM_THE_FUTURE "occurred_at: more than 5 minutes ahead of the database's clock"

#endif
