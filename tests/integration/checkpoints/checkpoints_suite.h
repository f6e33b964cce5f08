/*
 * The port test suites of checkpoints: what every adapter promises (bus/ports/checkpoints.h), written once
 * and run on each of them.
 *
 * An adapter's test program defines the fixture; the suites, linked into it, run on that.
 */
#ifndef ALLOCD_TESTS_CHECKPOINTS_SUITE_H
#define ALLOCD_TESTS_CHECKPOINTS_SUITE_H

#include "bus/ports/checkpoints.h"

#include <check.h>

/* Each function gets the fixture itself, so that an adapter can embed it first in a struct of its own. */
struct checkpoints_fixture {
	/* Before and after each test: an empty database, with the schema only. */
	void (*set_up)(struct checkpoints_fixture *fixture);
	void (*tear_down)(struct checkpoints_fixture *fixture);

	/* Makes the checkpoints of one more worker; tear_down frees them. */
	struct checkpoints *(*make_checkpoints)(struct checkpoints_fixture *fixture);

	/* Runs the event loop, simulated or not, until *done; fails the test after too long a wait. */
	void (*run_until)(struct checkpoints_fixture *fixture, const bool *done);

	/* The database's clock, as an instant. */
	int64_t (*now)(struct checkpoints_fixture *fixture);

	/* The windows that are written, as SINCE UNTIL CAUSE and a semicolon each; instants as numbers. */
	void (*gaps)(struct checkpoints_fixture *fixture, char *text, size_t size);
};

/* Each adapter's test program defines it. */
extern struct checkpoints_fixture *const checkpoints_under_test;

#endif
