/* Migrates or checks the database's schema, as soon as the database is reachable. */
#include "entrypoints/main/wait_for_schema.h"

#include "adapters/postgres/postgres.h"
#include "adapters/system/instants.h"
#include "core/base/must.h"
#include "core/base/utf8.h"
#include "entrypoints/cli/text.h"
#include "entrypoints/main/server_urls.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#define PAUSE_MS 500

/* The least time for an attempt, even when less is left until the deadline. */
#define ATTEMPT_MS_MIN 5000

#define REASON_MAX 256

/* Shared by the thread and the event loop. */
struct schema_work {
	const struct config *config;
	enum schema_task task;
	bool is_worker;
	struct logger *logger;
	int64_t deadline_ms;
	time_t started_at;
	pthread_t thread;
	bool has_thread;

	pthread_mutex_t mutex; /* guards the next three */
	pthread_cond_t stopped;
	bool is_stopped;
	char reason[REASON_MAX]; /* why the last attempt failed; "": no attempt failed */

	atomic_bool is_over;
	enum exit_status status; /* this and the next are set before `is_over` */
	bool is_taken;
};

static void init(struct schema_work *work, const struct config *config, enum schema_task task, bool is_worker,
		 struct logger *logger)
{
	pthread_condattr_t monotonic;

	*work = (struct schema_work){
		.config = config, .task = task, .is_worker = is_worker, .logger = logger};
	work->deadline_ms = monotonic_ms() + 1000 * (int64_t)config->start_wait_s;
	work->started_at = time(NULL);
	pthread_mutex_init(&work->mutex, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&work->stopped, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

static void release(struct schema_work *work)
{
	pthread_cond_destroy(&work->stopped);
	pthread_mutex_destroy(&work->mutex);
}

/* ---- the work ---- */

static int attempt_ms(const struct schema_work *work)
{
	int64_t left = work->deadline_ms - monotonic_ms();

	return (int)(left > ATTEMPT_MS_MIN ? left : ATTEMPT_MS_MIN);
}

/* False: the work was stopped meanwhile. */
static bool pause_before_retry(struct schema_work *work, const char *reason)
{
	int64_t until_ms = monotonic_ms() + PAUSE_MS;
	const struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};
	bool is_stopped;

	if (!work->reason[0])
		LOG(work->logger, LOG_INFO, "waiting for the database", LOG_TEXT("error", reason));
	pthread_mutex_lock(&work->mutex);
	utf8_format(work->reason, sizeof work->reason, "%s", reason);
	while (!work->is_stopped && pthread_cond_timedwait(&work->stopped, &work->mutex, &until) == 0)
		;
	is_stopped = work->is_stopped;
	pthread_mutex_unlock(&work->mutex);
	return !is_stopped;
}

static enum exit_status give_up(const struct schema_work *work, const char *message, const char *reason,
				enum exit_status status)
{
	LOG(work->logger, LOG_ERROR, message, LOG_TEXT("error", reason));
	return status;
}

static enum schema_result attempt(struct schema_work *work, char reason[SCHEMA_TEXT_SIZE])
{
	struct installation mine = {.prefix = work->config->prefix, .streams = work->config->streams.text};
	struct url_source url = database_url(work->config);
	enum schema_result result = SCHEMA_READY;

	reason[0] = '\0';
	if (work->task == SCHEMA_MIGRATE)
		result = postgres_migrate(&url, attempt_ms(work), work->logger, reason);
	else if (work->task == SCHEMA_CHECK)
		result =
			postgres_check_schema(&url, attempt_ms(work), work->is_worker ? &mine : NULL, reason);
	if (result == SCHEMA_READY && reason[0])
		LOG(work->logger, LOG_INFO,
		    "the database has migrations of a newer program, which this one works with",
		    LOG_TEXT("migration", reason));
	if (result == SCHEMA_READY && work->is_worker && work->task != SCHEMA_CHECK)
		result = postgres_check_installation(&url, attempt_ms(work), &mine, work->task == SCHEMA_TAKE,
						     reason);
	work->is_taken = mine.is_recorded;
	return result;
}

static enum exit_status run(struct schema_work *work)
{
	char reason[SCHEMA_TEXT_SIZE] = "";

	for (;;) {
		switch (attempt(work, reason)) {
		case SCHEMA_READY:
			return STATUS_DONE;
		case SCHEMA_INCOMPATIBLE:
			return give_up(work, "the database does not fit this program", reason,
				       STATUS_CONFIGURATION);
		case SCHEMA_FAILED:
			return give_up(work, "migrating the database failed", reason, STATUS_FAILED);
		case SCHEMA_UNREACHABLE:
			break;
		}
		if (monotonic_ms() + PAUSE_MS > work->deadline_ms)
			return give_up(work, "the database cannot be reached", reason, STATUS_UNAVAILABLE);
		if (!pause_before_retry(work, reason))
			return STATUS_DONE;
	}
}

enum exit_status schema_prepare(const struct config *config, bool migrate, struct logger *logger)
{
	struct schema_work work;
	enum exit_status status;

	init(&work, config, migrate ? SCHEMA_MIGRATE : SCHEMA_CHECK, false, logger);
	status = run(&work);
	release(&work);
	return status;
}

/* ---- in a thread ---- */

static void *run_thread(void *context)
{
	struct schema_work *work = context;

	work->status = run(work);
	atomic_store(&work->is_over, true);
	return NULL;
}

/* The thread blocks all signals, so that the event loop receives them. */
static int start_thread(struct schema_work *work)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&work->thread, NULL, run_thread, work);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

struct schema_work *schema_work_start(const struct config *config, enum schema_task task,
				      struct logger *logger)
{
	struct schema_work *work = must_alloc(sizeof *work);
	int error;

	init(work, config, task, true, logger);
	error = start_thread(work);
	work->has_thread = error == 0;
	if (error) {
		work->status = give_up(work, "cannot start a thread", strerror(error), STATUS_TRY_AGAIN);
		atomic_store(&work->is_over, true);
	}
	return work;
}

bool schema_work_is_over(const struct schema_work *work, enum exit_status *status)
{
	if (!atomic_load(&work->is_over))
		return false;
	*status = work->status;
	return true;
}

bool schema_work_is_taken(const struct schema_work *work)
{
	return work->is_taken;
}

const char *schema_work_awaits(struct schema_work *work, struct arena *arena, bool *has_failed)
{
	const char *text, *since = text_time(work->started_at, arena);

	pthread_mutex_lock(&work->mutex);
	*has_failed = work->reason[0];
	if (*has_failed)
		text = arena_printf(arena, "waiting for the database since %s: %s", since, work->reason);
	else
		text = arena_printf(arena, "%s the database since %s",
				    work->task == SCHEMA_MIGRATE ? "checking and migrating" : "checking",
				    since);
	pthread_mutex_unlock(&work->mutex);
	return text;
}

void schema_work_stop(struct schema_work *work)
{
	pthread_mutex_lock(&work->mutex);
	work->is_stopped = true;
	pthread_cond_signal(&work->stopped);
	pthread_mutex_unlock(&work->mutex);
}

void schema_work_free(struct schema_work **place)
{
	struct schema_work *work = *place;

	if (!work)
		return;
	if (work->has_thread)
		pthread_join(work->thread, NULL);
	release(work);
	free(work);
	*place = NULL;
}
