/*
 * The composition root: the only place that knows which adapter stands behind which port.
 */
#ifndef ALLOCD_ENTRYPOINTS_MAIN_BOOTSTRAP_H
#define ALLOCD_ENTRYPOINTS_MAIN_BOOTSTRAP_H

#include "adapters/system/url_source.h"
#include "bus/engine/engine.h"
#include "bus/ports/dead_letter_archive.h"
#include "entrypoints/cli/commands.h"
#include "entrypoints/dead_letters/dry_run_store.h"
#include "entrypoints/http/http_api.h"

struct event_base;

/* ---- what every command needs ---- */

/* What only an adapter can tell of a setting.  False, with one line in *error that names the setting. */
bool bootstrap_check(const struct config *config, struct arena *arena, const char **error);

/* Where REDIS_URL comes from: read at every attempt to connect.  `config` outlives it. */
struct url_source bootstrap_redis_url(const struct config *config);

struct logger *bootstrap_logger_new(const struct config *config);

/* Accepts NULL in *logger and nulls it. */
void bootstrap_logger_free(struct logger **logger);

/* Writes events as configured.  For codec_free(). */
struct codec *bootstrap_codec_new(const struct config *config);

/* ---- the worker ---- */

struct worker;

/*
 * Takes the HTTP address and answers there that the worker is alive and not ready.  NULL when the address or
 * the file descriptors cannot be had, which is logged; *status then is what the program ends with.
 */
struct worker *worker_new(const struct config *config, struct logger *logger, enum exit_status *status);

/* Makes everything, connects, and takes commands from Redis as soon as that is there. */
void worker_start(struct worker *worker);

/* Why Redis cannot be used yet, in `arena`; NULL when it can. */
const char *worker_redis_trouble(const struct worker *worker, struct arena *arena);

/* What in the configuration keeps it from working with this Redis; NULL: nothing that is known. */
const char *worker_redis_defect(const struct worker *worker);

/* Begins to serve commands and reads by HTTP. */
void worker_serve(struct worker *worker);

/* No command is taken any more. */
void worker_stop_intake(struct worker *worker);

/* After the stop: whether all that was taken is finished, published and acknowledged, and none will be. */
bool worker_is_done(const struct worker *worker);

/* How many stream entries were taken and are not acknowledged yet. */
size_t worker_unacknowledged(const struct worker *worker);

struct event_base *worker_base(const struct worker *worker);
struct engine *worker_engine(const struct worker *worker);
struct http_api *worker_http(const struct worker *worker); /* NULL: HTTP is off */

/* Accepts NULL in *worker and nulls it. */
void worker_free(struct worker **worker);

/* ---- the database's schema, for run and migrate ---- */

enum schema_state {
	SCHEMA_FITS,
	SCHEMA_AWAY,    /* the database cannot be reached: try again */
	SCHEMA_REFUSED, /* a database that this program cannot work with */
	SCHEMA_BROKEN,  /* a migration failed; nothing of it was kept */
};

/*
 * Migrates, or only checks.  Blocks for about `timeout_ms` at most.  *text, in `arena`, says what is wrong,
 * in one line.
 */
enum schema_state bootstrap_schema(const struct config *config, bool migrate, int timeout_ms,
				   struct logger *logger, struct arena *arena, const char **text);

/* ---- dead letters ---- */

/* NULL, with one line in *error, when the database is not there. */
struct dead_letters *bootstrap_dead_letters_open(const struct config *config, int timeout_ms,
						 struct arena *arena, const char **error);

/*
 * Whether replays can be rehearsed: they need a session of the database of their own.  False: *error says why
 * not, in `arena`, and *status what to end with.
 */
bool bootstrap_can_rehearse(const struct config *config, int timeout_ms, struct arena *arena,
			    const char **error, enum exit_status *status);

/* Texts such as "qty=5" that are to change a payload: see adapters/codec/codec.h. */
bool bootstrap_edits_check(enum message_type type, const char *const edits[], size_t count,
			   struct arena *arena, const char **error);
bool bootstrap_payload_edit(enum message_type type, struct bytes payload, const char *const edits[],
			    size_t count, struct arena *arena, struct bytes *edited, const char **error);

/* Any payload as one line of JSON. */
bool bootstrap_payload_to_line(struct bytes payload, struct arena *arena, const char **line,
			       const char **error);

/* The worker's engine, without the worker's chores, for who has messages of his own: one at a time. */
struct replayer;

/*
 * Shows every unit of work that it commits.  One that rehearses commits nothing: it shows what each message
 * would do, after those before it.
 */
struct replayer *replayer_new(struct event_base *base, const struct config *config, struct logger *logger,
			      bool rehearses, rehearsed *show, void *context);

/* Whether what was rehearsed so far is lost with its session, so that the next one would begin without it. */
bool replayer_lost_rehearsal(const struct replayer *replayer);

struct engine *replayer_engine(struct replayer *replayer);

/* Accepts NULL in *replayer and nulls it. */
void replayer_free(struct replayer **replayer);

/* ---- publish and tail ---- */

/*
 * The payload of a command, checked against its schema, from texts such as "qty=10".  *error names the field.
 */
bool bootstrap_command_from_pairs(enum message_type type, const char *const pairs[], size_t count,
				  struct arena *arena, struct bytes *payload, const char **error);

/* Publishes on the message's channel and waits for Redis' answer; *listeners is how many heard it. */
bool bootstrap_publish(const struct config *config, enum message_type type, struct bytes payload,
		       struct arena *arena, int64_t *listeners, const char **error);

/* Hears events; `json` is the payload as one line. */
typedef void tail_heard(void *context, const char *name, const char *json);

struct tail;

struct tail *tail_new(struct event_base *base, const struct config *config, struct logger *logger,
		      tail_heard *heard, void *context);

/* Why it does not hear, in `arena`; NULL when it does. */
const char *tail_trouble(const struct tail *tail, struct arena *arena);

/* Accepts NULL in *tail and nulls it. */
void tail_free(struct tail **tail);

#endif
