/* The business's answer to a command: the only thing a handler returns. */
#ifndef ALLOCD_CORE_VERDICT_H
#define ALLOCD_CORE_VERDICT_H

enum verdict {
	ACCEPTED,
	/* Skipped: no effect, no fault. */
	SKIP_DUPLICATE,
	SKIP_OUT_OF_DATE,
	SKIP_NOT_ALLOCATED, /* no batch holds the line */
	/* Rejected: well formed, but cannot be done. */
	REJECT_INVALID_SKU,
	REJECT_UNKNOWN_BATCH,
	REJECT_BATCHREF_TAKEN,
	REJECT_ID_REUSED,
	/* No decision yet: too little is loaded.  The caller undoes the message, loads more and retries. */
	NEEDS_MORE,
};

/* A short text for logs, dead letters and HTTP errors: "invalid sku", "duplicate". */
const char *verdict_reason(enum verdict verdict);

#endif
