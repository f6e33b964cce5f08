/*
 * The Postgres adapter: stores (bus/ports/store.h), views (bus/ports/views.h), checkpoints
 * (bus/ports/checkpoints.h) and the schema that they need.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_POSTGRES_H
#define ALLOCD_ADAPTERS_POSTGRES_POSTGRES_H

#include "adapters/postgres/connector/known_servers.h"
#include "adapters/system/url_source.h"
#include "bus/ports/checkpoints.h"
#include "bus/ports/logger.h"
#include "bus/ports/store.h"
#include "bus/ports/views.h"

#include <stdbool.h>
#include <stdint.h>

struct event_base;

/* ---- stores, views and checkpoints ---- */

struct postgres_config {
	struct event_base *base;
	struct url_source url; /* asked at every attempt to connect; libpq's, PG* variables are honoured */
	struct known_servers *servers; /* one for all that work together; NULL: each works alone */
	struct logger *logger;
	int inbox_days;           /* days for which message ids are kept */
	int64_t dead_letters_max; /* that are kept; the oldest rejected and invalid ones leave first */
	int answer_timeout_ms;    /* a server that is silent for longer is given up; 0: the default */

	/*
	 * Stores write to temporary tables only: later calls read what was written, until the session is lost
	 * (see sessions_lost).  See dry_run_commits.h.
	 */
	bool is_dry_run;
};

/* Each has a connection of its own, and begins to connect at once. `name` tells it from others in the log. */
struct store *postgres_store_new(const struct postgres_config *config, const char *name);
/* For a lane, whose statements end after a second: see FAILURE_BUSY. */
struct store *postgres_lane_store_new(const struct postgres_config *config);

/* For the parking lane, which hardly waits for a lock: see bus/lane/parked.h. */
struct store *postgres_parking_store_new(const struct postgres_config *config);
struct views *postgres_views_new(const struct postgres_config *config);
struct checkpoints *postgres_checkpoints_new(const struct postgres_config *config);

/* Whatever is under way is never answered.  Not from within a callback.  Accept NULL and null it. */
void postgres_store_free(struct store **store);
void postgres_views_free(struct views **views);
void postgres_checkpoints_free(struct checkpoints **checkpoints);

/*
 * What is wrong with the connection string, as words behind the setting's name that repeat nothing of it;
 * NULL when libpq understands it, and as it looks.  It does not say whether a database is there.
 */
const char *postgres_conninfo_defect(const char *conninfo);

/* ---- the schema; these two block, at most about `timeout_ms`, in any thread ---- */

enum schema_result {
	SCHEMA_READY,
	SCHEMA_UNREACHABLE,  /* no connection, or no answer in time: try again */
	SCHEMA_INCOMPATIBLE, /* a database that this program cannot work with: see the text */
	SCHEMA_FAILED, /* a migration failed and was rolled back; one in steps resumes at the next attempt */
};

#define SCHEMA_TEXT_SIZE 512

/*
 * Applies what is missing, in one transaction but for migrations in steps (see migrations.py); two programs
 * that do so at once wait for each other.  Gives up after about `timeout_ms`.  On anything but SCHEMA_READY
 * `text` says why, in one line without the password.
 */
enum schema_result postgres_migrate(const struct url_source *url, int timeout_ms, struct logger *logger,
				    char text[SCHEMA_TEXT_SIZE]);

/* Only looks: SCHEMA_INCOMPATIBLE, too, when a migration is missing. */
enum schema_result postgres_check_schema(const struct url_source *url, int timeout_ms,
					 char text[SCHEMA_TEXT_SIZE]);

#endif
