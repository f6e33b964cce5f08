/* Checks in one snapshot what must be true of a database at every moment. */
#ifndef ALLOCD_ADAPTERS_POSTGRES_TOOLS_VERIFY_H
#define ALLOCD_ADAPTERS_POSTGRES_TOOLS_VERIFY_H

#include "adapters/postgres/tools/admin_results.h"
#include "adapters/postgres/tools/blocking_client.h"

#include <stddef.h>

struct verifier {
	void (*broken)(void *context, const struct breach *breach);

	/* Called with the number of further breaches of a rule after BREACHES_REPORTED_MAX of them. */
	void (*more)(void *context, const char *rule, int64_t count);

	/*
	 * Returns what is wrong with a frame, or NULL, because only a codec can check it.  The text is valid
	 * until the next call.
	 */
	const char *(*frame_defect)(void *context, const struct kept_frame *frame);

	/*
	 * Returns the events of the frames that were checked since the last call, which say where a line is,
	 * as a list in JSON: objects with `product` (its key), `orderid`, `qty`, `version` and `batchref`
	 * (null: in no batch).  NULL if no event is left.  The text is valid until the next call.
	 */
	const char *(*line_events)(void *context);
};

extern const size_t verify_rule_count;

/* Reads every table, without a time limit. Returns false after a failure: see the client. */
bool postgres_verify(struct blocking_client *client, const struct verifier *verifier, void *context);

#endif
