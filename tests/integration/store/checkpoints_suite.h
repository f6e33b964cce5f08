/*
 * The port test suite of the logbook: what every one of them promises (bus/ports/checkpoints.h), written once
 * and run on each of them.
 *
 * An adapter's test program defines the fixture; the suite, linked into it, runs on that.
 */
#ifndef ALLOCD_TESTS_LOGBOOK_SUITE_H
#define ALLOCD_TESTS_LOGBOOK_SUITE_H

#include "bus/ports/checkpoints.h"

#include <check.h>

/* Every function gets the fixture itself, so that an adapter can embed it first in a struct of its own. */
struct logbook_fixture {
	/* Before and after each test: an empty database, with the schema only. */
	void (*set_up)(struct logbook_fixture *fixture);
	void (*tear_down)(struct logbook_fixture *fixture);

	/* One more worker's; tear_down frees it. */
	struct checkpoints *(*make_logbook)(struct logbook_fixture *fixture);

	/* Runs the event loop, simulated or not, until *done; a test fails that waits too long. */
	void (*run_until)(struct logbook_fixture *fixture, const bool *done);

	/* The database's clock, as an instant. */
	int64_t (*now)(struct logbook_fixture *fixture);

	/* The windows that are written, as SINCE UNTIL CAUSE and a semicolon each; instants as numbers. */
	void (*windows)(struct logbook_fixture *fixture, char *text, size_t size);
};

/* Each adapter's test program defines it. */
extern struct logbook_fixture *const checkpoints_under_test;

#endif
