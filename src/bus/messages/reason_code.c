/* The code of a delivery follows from its outcome and verdict. */
#include "bus/messages/reason_code.h"

#include <assert.h>

static const struct {
	const char *name;
	enum outcome outcome;
} codes[REASON_CODES] = {
	[REASON_INVALID_SKU] = {"invalid_sku", OUTCOME_REJECTED},
	[REASON_UNKNOWN_BATCH] = {"unknown_batch", OUTCOME_REJECTED},
	[REASON_BATCHREF_TAKEN] = {"batchref_taken", OUTCOME_REJECTED},
	[REASON_ID_REUSED] = {"id_reused", OUTCOME_REJECTED},
	[REASON_UNKNOWN_TYPE] = {"unknown_type", OUTCOME_INVALID},
	[REASON_TOO_LARGE] = {"too_large", OUTCOME_INVALID},
	[REASON_MALFORMED] = {"malformed", OUTCOME_INVALID},
	[REASON_FROM_THE_FUTURE] = {"from_the_future", OUTCOME_INVALID},
	[REASON_DAMAGED_ROWS] = {"damaged_rows", OUTCOME_FAILED},
	[REASON_DATABASE_REFUSED] = {"database_refused", OUTCOME_FAILED},
};

static enum reason_code code_of_rejection(enum verdict verdict)
{
	switch (verdict) {
	case REJECT_UNKNOWN_BATCH:
		return REASON_UNKNOWN_BATCH;
	case REJECT_BATCHREF_TAKEN:
		return REASON_BATCHREF_TAKEN;
	case REJECT_ID_REUSED:
		return REASON_ID_REUSED;
	case REJECT_INVALID_SKU:
		return REASON_INVALID_SKU;
	case ACCEPTED:
	case SKIP_DUPLICATE:
	case SKIP_OUT_OF_DATE:
	case SKIP_NOT_ALLOCATED:
	case NEEDS_MORE:
		break;
	}
	assert(false && "it rejects nothing");
	return REASON_INVALID_SKU;
}

enum reason_code reason_code_of(const struct delivery *delivery)
{
	if (delivery->outcome == OUTCOME_REJECTED)
		return code_of_rejection(delivery->verdict);
	if (delivery->outcome == OUTCOME_FAILED)
		return delivery->cause == CAUSE_DAMAGED_ROWS ? REASON_DAMAGED_ROWS : REASON_DATABASE_REFUSED;
	if (!message_is_command(delivery->type))
		return REASON_UNKNOWN_TYPE;
	if (delivery->cause == CAUSE_FROM_THE_FUTURE)
		return REASON_FROM_THE_FUTURE;
	return delivery->payload_size > PAYLOAD_MAX ? REASON_TOO_LARGE : REASON_MALFORMED;
}

const char *reason_code_name(enum reason_code code)
{
	return codes[code].name;
}

enum outcome reason_code_outcome(enum reason_code code)
{
	return codes[code].outcome;
}
