/*
 * The port test suite: what every store and every views adapter promises (the headers of bus/ports), written
 * once and run on each of them.
 *
 * An adapter's test program defines the fixture; the suites of this folder, linked into it, run on that.
 */
#ifndef ALLOCD_TESTS_STORE_SUITE_H
#define ALLOCD_TESTS_STORE_SUITE_H

#include "bus/ports/batch_directory.h"
#include "bus/ports/chores_store.h"
#include "bus/ports/lease_store.h"
#include "bus/ports/outbox_store.h"
#include "bus/ports/unit_store.h"
#include "bus/ports/views.h"

#include <check.h>
#include <stdbool.h>
#include <stdint.h>

/* How a flush loses its connection.  Each is answered FAILURE_UNCERTAIN. */
enum loss {
	LOST_BEFORE_COMMIT,    /* the database never received the commit, and ends the session */
	LOST_AFTER_COMMIT,     /* it is committed; the answer is lost */
	LOST_WHILE_COMMITTING, /* the session lives on without us, until end_lost_session() */
};

/* No more dead letters than this are kept in the fixture's databases. */
#define SUITE_DEAD_LETTERS_MAX 5

/* Message ids are forgotten after this many days in the fixture's databases. */
#define SUITE_INBOX_DAYS 7

/* Dead letters are deleted this many days after their last attempt in the fixture's databases. */
#define SUITE_DEAD_LETTERS_DAYS 90

/* The ports that one store offers. */
struct store_ports {
	struct unit_store *units;
	struct batch_directory *batches;
	struct process_store *processes;
	struct outbox_store *outbox;
	struct chores_store *chores;
};

/* Each function gets the fixture itself, so that an adapter can embed it first in a struct of its own. */
struct store_fixture {
	/* Before and after each test: an empty database, with the schema only. */
	void (*set_up)(struct store_fixture *fixture);
	void (*tear_down)(struct store_fixture *fixture);

	/* Makes one more store, or views, or leases, on that database; tear_down frees them. */
	struct store_ports *(*make_store)(struct store_fixture *fixture);
	struct views *(*make_views)(struct store_fixture *fixture);
	struct lease_store *(*make_leases)(struct store_fixture *fixture);

	/* Runs the event loop, simulated or not, until *done; fails the test after too long a wait. */
	void (*run_until)(struct store_fixture *fixture, const bool *done);

	/* The store's next flush loses its connection; it finds a new one by itself. */
	void (*lose_next_flush)(struct store_fixture *fixture, struct store_ports *store, enum loss loss);

	/* The session of LOST_WHILE_COMMITTING now commits or rolls back. */
	void (*end_lost_session)(struct store_fixture *fixture, struct store_ports *store, bool commits);

	/* Makes the database see this much time pass. */
	void (*let_time_pass)(struct store_fixture *fixture, int64_t seconds);

	/* The reasons of the dead letters that are kept, oldest first, each followed by a semicolon. */
	void (*dead_letters)(struct store_fixture *fixture, char *text, size_t size);

	/* The key of the newest one. */
	int64_t (*newest_dead_letter)(struct store_fixture *fixture);

	/*
	 * The dead letters as OUTCOME TRANSPORT ADDRESS MESSAGE ID ATTEMPTS and the reason; "-" without an
	 * id.
	 */
	void (*dead_letters_in_full)(struct store_fixture *fixture, char *text, size_t size);

	/* The replays, in order, as ATTEMPT OPERATOR EDITS OUTCOME MESSAGE ID REASON and a semicolon. */
	void (*replays)(struct store_fixture *fixture, char *text, size_t size);

	/* Gives the database a new incarnation, as after a restore from a backup. */
	void (*renew)(struct store_fixture *fixture);

	/* What the database says about the streams from now on; the text is copied or constant. */
	void (*set_streams)(struct store_fixture *fixture, const char *text);
};

/* Each adapter's test program defines it. */
extern struct store_fixture *const store_under_test;

#endif
