/* Preconditions of commands. */
#include "bus/messages/preconditions.h"

#include <assert.h>
#include <string.h>

#define CLOCK_SKEW_MAX_US (INT64_C(5) * 60 * 1000000)

enum verdict ensure_product(struct unit_of_work *uow, const char *sku, struct product **product)
{
	*product = unit_of_work_product(uow, sku);
	return *product ? ACCEPTED : REJECT_INVALID_SKU;
}

enum verdict ensure_batch(struct unit_of_work *uow, const char *reference, struct product **product,
			  struct batch **batch)
{
	const char *sku = unit_of_work_batch_owner(uow, reference);

	if (!sku)
		return REJECT_UNKNOWN_BATCH;
	*product = unit_of_work_product(uow, sku);
	*batch = *product ? product_batch(*product, reference) : NULL;
	assert(*batch && "a named batch comes with its product");
	return ACCEPTED;
}

enum verdict ensure_reference_not_elsewhere(struct unit_of_work *uow, const char *reference, const char *sku)
{
	const char *owner = unit_of_work_batch_owner(uow, reference);

	return owner && strcmp(owner, sku) ? REJECT_BATCHREF_TAKEN : ACCEPTED;
}

enum verdict ensure_id_unspent(const struct inbox_slot *slot, uint64_t digest)
{
	if (!slot->spent)
		return ACCEPTED;
	return slot->digest == digest ? SKIP_DUPLICATE : REJECT_ID_REUSED;
}

bool is_from_future(int64_t occurred_at, int64_t now)
{
	return occurred_at != NO_INSTANT && occurred_at > now + CLOCK_SKEW_MAX_US;
}
