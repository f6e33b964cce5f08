/* Texts for verdicts. */
#include "core/verdict.h"

const char *verdict_reason(enum verdict verdict)
{
	static const char *const reasons[] = {
		[ACCEPTED] = "accepted",
		[SKIP_DUPLICATE] = "duplicate",
		[SKIP_OUT_OF_DATE] = "out of date",
		[SKIP_NOT_ALLOCATED] = "not allocated",
		[REJECT_INVALID_SKU] = "invalid sku",
		[REJECT_UNKNOWN_BATCH] = "unknown batch",
		[REJECT_BATCHREF_TAKEN] = "batch reference taken",
		[REJECT_ID_REUSED] = "id reused",
		[NEEDS_MORE] = "needs more",
	};

	return reasons[verdict];
}
