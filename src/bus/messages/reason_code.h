/* Why a message was not handled, as one of a closed list of codes. */
#ifndef ALLOCD_BUS_MESSAGES_REASON_CODE_H
#define ALLOCD_BUS_MESSAGES_REASON_CODE_H

#include "bus/messages/delivery.h"

enum reason_code {
	/* Rejected. */
	REASON_INVALID_SKU,
	REASON_UNKNOWN_BATCH,
	REASON_BATCHREF_TAKEN,
	REASON_ID_REUSED,
	/* Invalid. */
	REASON_UNKNOWN_TYPE,
	REASON_TOO_LARGE,
	REASON_MALFORMED,
	REASON_FROM_THE_FUTURE, /* its occurred_at */
	/* Failed. */
	REASON_DATABASE_REFUSED,
	REASON_DAMAGED_ROWS, /* what is stored contradicts itself */
	REASON_CODES,
};

/* Of a delivery that is rejected, invalid or failed. */
enum reason_code reason_code_of(const struct delivery *delivery);

/* "invalid_sku" */
const char *reason_code_name(enum reason_code code);

/* The outcome of the deliveries that have the code. */
enum outcome reason_code_outcome(enum reason_code code);

#endif
