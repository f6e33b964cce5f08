/*
 * The worker's engine without the worker's chores, for callers that submit messages of their own, one at a
 * time.
 */
#ifndef ALLOCD_ENTRYPOINTS_REPLAY_REPLAYER_H
#define ALLOCD_ENTRYPOINTS_REPLAY_REPLAYER_H

#include "bus/engine/engine.h"
#include "entrypoints/cli/commands.h"
#include "entrypoints/replay/dry_run_store.h"

struct event_base;
struct replayer;

/*
 * Whether the database can serve dry runs: they need a session of their own.  False: *error, in `arena`,
 * says why not, and *status is the exit status.
 */
bool replayer_can_dry_run(const struct config *config, int timeout_ms, struct arena *arena,
			  const char **error, enum exit_status *status);

/*
 * Calls `show` for every unit of work that is committed.  A dry run commits nothing: it shows the unit of
 * each message as it would be after the messages before it.
 */
struct replayer *replayer_new(struct event_base *base, const struct config *config, struct logger *logger,
			      bool is_dry_run, unit_shown *show, void *context);

/* Whether the session of the dry run is lost, and with it the effects of the messages so far. */
bool replayer_lost_dry_run(const struct replayer *replayer);

struct engine *replayer_engine(struct replayer *replayer);

/* Accepts NULL in *replayer and nulls it. */
void replayer_free(struct replayer **replayer);

#endif
