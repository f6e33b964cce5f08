/* What this process sends to Postgres, counted: functions of its own stand in front of libpq's. */
#ifndef ALLOCD_TESTS_GUARD_SENT_H
#define ALLOCD_TESTS_GUARD_SENT_H

#include <stddef.h>

struct sent_statement {
	const char *name; /* that it was prepared as, or would have been */
	int times;
};

void sent_forget(void);

/* Statements since, in the order of their first time; valid until the next one is sent. */
const struct sent_statement *sent_statements(size_t *count);

/* Syncs since: each makes the server answer, and is waited for. */
int sent_round_trips(void);

#endif
