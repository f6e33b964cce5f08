/*
 * Counts the statements and syncs that this process sends, with functions that replace libpq's and call them.
 */
#ifndef ALLOCD_TESTS_GUARD_SENT_H
#define ALLOCD_TESTS_GUARD_SENT_H

#include <stddef.h>

struct sent_statement {
	const char *name; /* under which it is prepared, or would be */
	int times;
};

void sent_forget(void);

/* The statements since sent_forget(), in the order of their first use; valid until the next one is sent. */
const struct sent_statement *sent_statements(size_t *count);

/* The syncs since sent_forget(), each of which is a round trip. */
int sent_round_trips(void);

#endif
