/* The business's answer to a command: the only thing a handler returns. */
#ifndef ALLOCD_CORE_VERDICT_H
#define ALLOCD_CORE_VERDICT_H

enum verdict {
	ACCEPTED,
	/* Skipped: no effect, no fault. */
	SKIP_DUPLICATE,
	SKIP_OUT_OF_DATE,
	/* Rejected: well formed, but cannot be done. */
	REJECT_INVALID_SKU,
	REJECT_UNKNOWN_BATCH,
	REJECT_BATCHREF_TAKEN,
	REJECT_ID_REUSED,
	/* Not an answer yet: what was loaded does not tell.  The caller undoes, loads more and asks again. */
	NEEDS_MORE,
};

/* In a few words, as logs, dead letters and HTTP errors give it: "invalid sku", "duplicate". */
const char *verdict_reason(enum verdict verdict);

#endif
