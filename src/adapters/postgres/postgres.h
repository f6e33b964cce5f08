/*
 * The Postgres adapter: stores, which offer four ports each (unit_store.h, batch_directory.h, outbox_store.h
 * and chores_store.h in bus/ports), views, checkpoints, leases, and the schema they need.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_POSTGRES_H
#define ALLOCD_ADAPTERS_POSTGRES_POSTGRES_H

#include "adapters/postgres/connection/session_start.h"
#include "adapters/postgres/connector/known_servers.h"
#include "adapters/system/url_source.h"
#include "bus/ports/batch_directory.h"
#include "bus/ports/checkpoints.h"
#include "bus/ports/chores_store.h"
#include "bus/ports/lease_store.h"
#include "bus/ports/logger.h"
#include "bus/ports/outbox_store.h"
#include "bus/ports/unit_store.h"
#include "bus/ports/views.h"

#include <stdbool.h>
#include <stdint.h>

struct connection_statistics;
struct event_base;

/* ---- stores, views and checkpoints ---- */

struct postgres_store;

struct postgres_config {
	struct event_base *base;
	struct url_source url;         /* read at every attempt to connect; for libpq, with PG* variables */
	struct known_servers *servers; /* one for all that work together; NULL: each works alone */
	struct logger *logger;
	struct connection_statistics *connections; /* outlives the connections; NULL: nothing counts them */
	int inbox_days;                            /* days for which message ids are kept */
	int64_t dead_letters_max; /* to keep; the oldest rejected and invalid ones are dropped first */
	int dead_letters_days;    /* days for which they are kept after their last attempt */
	int answer_timeout_ms;    /* a server that is silent for longer is given up; 0: the default */
	enum session_start start;

	/*
	 * Stores write to temporary tables only: later calls read what was written, until the session is lost
	 * (see sessions_lost).  See dry_run_commits.h.
	 */
	bool is_dry_run;
};

/* Each has a connection of its own. `name` identifies it in the log. */
struct postgres_store *postgres_store_new(const struct postgres_config *config, const char *name);

/* For a lane, whose statements end after a second: see FAILURE_BUSY. */
struct postgres_store *postgres_lane_store_new(const struct postgres_config *config);

/*
 * For one port each: the batch directory and processes, the outbox, or chores.  Its session prepares only the
 * statements of that port.
 */
struct postgres_store *postgres_intake_store_new(const struct postgres_config *config);
struct postgres_store *postgres_publisher_store_new(const struct postgres_config *config);
struct postgres_store *postgres_chores_store_new(const struct postgres_config *config);

/* For the parking lane, which hardly waits for a lock: see bus/lane/parked.h. */
struct postgres_store *postgres_parking_store_new(const struct postgres_config *config);

/* The ports of a store, which live as long as it does. */
struct unit_store *postgres_unit_store(struct postgres_store *store);
struct batch_directory *postgres_batch_directory(struct postgres_store *store);
struct process_store *postgres_process_store(struct postgres_store *store);
struct outbox_store *postgres_outbox_store(struct postgres_store *store);
struct chores_store *postgres_chores_store(struct postgres_store *store);

/* See pg_connection_server(). */
bool postgres_store_server(const struct postgres_store *store, const char **host, const char **port,
			   const char **database);

struct views *postgres_views_new(const struct postgres_config *config);
struct checkpoints *postgres_checkpoints_new(const struct postgres_config *config);
struct lease_store *postgres_leases_new(const struct postgres_config *config);

/*
 * Calls in progress are never answered.  Must not be called from within a callback.  Accept NULL and null
 * the pointer.
 */
void postgres_store_free(struct postgres_store **store);
void postgres_views_free(struct views **views);
void postgres_checkpoints_free(struct checkpoints **checkpoints);
void postgres_leases_free(struct lease_store **leases);

/*
 * Returns what is wrong with the connection string, as a text that follows the setting's name and repeats
 * nothing of the string; NULL if libpq reads it as it looks.  No connection is attempted.
 */
const char *postgres_conninfo_defect(const char *conninfo);

/* ---- the schema; these two block, at most about `timeout_ms`, in any thread ---- */

enum schema_result {
	SCHEMA_READY,
	SCHEMA_UNREACHABLE,  /* no connection, or no answer in time: try again */
	SCHEMA_INCOMPATIBLE, /* a database that this program cannot work with: see the text */
	SCHEMA_FAILED, /* a migration failed and was rolled back; one in steps resumes at the next attempt */
};

/* Two values of a setting, which have 1024 bytes at most, and some words. */
#define SCHEMA_TEXT_SIZE 2560

/*
 * Applies missing migrations, in one transaction except for migrations in steps (see migrations.py); two
 * programs that migrate at once wait for each other.  Gives up after about `timeout_ms`.  On SCHEMA_READY
 * `text` is the number of the last migration of a newer program, or empty; otherwise it gives the reason, in
 * one line without the password.
 */
enum schema_result postgres_migrate(const struct url_source *url, int timeout_ms, struct logger *logger,
				    char text[SCHEMA_TEXT_SIZE]);

/* What a database belongs to: one prefix of channels and keys, and one list of streams. */
struct installation {
	const char *prefix;
	const char *streams; /* as ALLOCD_STREAM has it; "": the worker reads none, and fits any list */
	bool is_recorded;    /* set on SCHEMA_READY: the database says so, and need not be taken */
};

/*
 * Whether the database belongs to this installation; if it belongs to another one, the result is
 * SCHEMA_INCOMPATIBLE.  With `takes`, a database that belongs to none belongs to this one from then on.
 * To be called when the schema is ready.  A server that takes no writes is SCHEMA_UNREACHABLE.
 */
enum schema_result postgres_check_installation(const struct url_source *url, int timeout_ms,
					       struct installation *mine, bool takes,
					       char text[SCHEMA_TEXT_SIZE]);

/*
 * Only checks, and answers like postgres_migrate(); a missing migration is SCHEMA_INCOMPATIBLE, too.  Unless
 * `mine` is NULL, the same connection serves to check the installation, as above.
 */
enum schema_result postgres_check_schema(const struct url_source *url, int timeout_ms,
					 struct installation *mine, char text[SCHEMA_TEXT_SIZE]);

#endif
