/*
 * What bootstrap gives the operators' tools: questions to the database and to Redis that are waited for.
 *
 * Whatever returns false left a line on standard error, and `tools_status` is what the command ends with.
 */
#ifndef ALLOCD_ENTRYPOINTS_MAIN_ADMIN_TOOLS_H
#define ALLOCD_ENTRYPOINTS_MAIN_ADMIN_TOOLS_H

#include "adapters/postgres/tools/admin_results.h"
#include "core/message.h"
#include "entrypoints/cli/commands.h"

struct tools;

/* Connects to nothing yet. */
struct tools *tools_new(const struct invocation *invocation);

/* Accepts NULL in *tools and nulls it. */
void tools_free(struct tools **tools);

enum exit_status tools_status(const struct tools *tools);

/* ---- the database; the others below need it ---- */

/* Connects, and refuses a database that does not fit this program. */
bool tools_open_database(struct tools *tools);

/* Looks once; see postgres_find_outcomes().  What is found lives as long as the invocation. */
bool tools_find_outcomes(struct tools *tools, const char *id, struct known_outcome **outcomes, size_t *count);

/* `json`: the payload as one line. */
typedef void event_told(void *context, const char *name, const char *json);

/* Tells the events that the message with that id caused when it was handled, as far as they are kept. */
bool tools_read_effects(struct tools *tools, const char *id, const struct known_outcome *outcome,
			event_told *told, void *context);

struct breach_listener {
	void (*broken)(void *context, const struct breach *breach);
	void (*more)(void *context, const char *rule, int64_t count); /* than BREACHES_TOLD_MAX: so many */
};

/* Checks every rule of the database; *rules is how many there are. */
bool tools_verify(struct tools *tools, const struct breach_listener *listener, void *context, size_t *rules);

bool tools_rebuild_view(struct tools *tools, struct rebuilding *rebuilding, rebuilding_progress *progress,
			void *context);

bool tools_find_events(struct tools *tools, const char *sku, struct kept_events *kept);

/* The incarnation until now and from now on. */
bool tools_renew_incarnation(struct tools *tools, const char **before, const char **after);

bool tools_find_unfinished(struct tools *tools, struct unfinished_work *work);

/* See adapters/postgres/tools/bench_queries.h. */
bool tools_count_spent(struct tools *tools, const char *run, int64_t *count);
bool tools_find_run(struct tools *tools, const char *run, uint32_t expected, struct bench_results *evidence,
		    const struct run_listener *listener, void *context);
bool tools_read_gauges(struct tools *tools, struct database_gauges *gauges);

/* ---- Redis ---- */

bool tools_open_redis(struct tools *tools);

/*
 * Publishes a product's events, from that version on, in order: each on its own channel, or all on `channel`
 * (behind the prefix); NULL: none is given.  *count is how many were published, whatever comes back.
 */
bool tools_republish(struct tools *tools, const char *sku, int64_t from_version, const char *channel,
		     int64_t *count);

/*
 * Asks every worker to say when it is quiet, and waits for the answers.  How many were asked; how many
 * answered.
 */
bool tools_ask_whether_idle(struct tools *tools, int64_t timeout_ms, int64_t *asked, int64_t *answered);

/* Entries of a stream that its group has not acknowledged or not read; many are counted as a thousand. */
bool tools_count_entries(struct tools *tools, const char *stream, int64_t *count);

/* The time of the processor that Redis has used so far. */
bool tools_read_redis_cpu(struct tools *tools, double *seconds);

#endif
