/*
 * Checks what must be true of a database at every moment, whatever is under way, by looking at one snapshot.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_TOOLS_VERIFY_H
#define ALLOCD_ADAPTERS_POSTGRES_TOOLS_VERIFY_H

#include "adapters/postgres/tools/admin_results.h"
#include "adapters/postgres/tools/blocking_client.h"

#include <stddef.h>

struct verifier {
	void (*broken)(void *context, const struct breach *breach);

	/* After BREACHES_REPORTED_MAX breaches of a rule: there are so many more. */
	void (*more)(void *context, const char *rule, int64_t count);

	/* What is wrong with a frame, valid until the next call, or NULL: only a codec can tell. */
	const char *(*frame_defect)(void *context, const struct kept_frame *frame);
};

extern const size_t verify_rule_count;

/*
 * Takes as long as it takes: every table is read.  False: see the dialogue.
 */
bool postgres_verify(struct blocking_client *client, const struct verifier *verifier, void *context);

#endif
