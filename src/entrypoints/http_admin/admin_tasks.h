/*
 * Commands that are run for requests: a request waits for the end of its command, and gets its output.
 *
 * Requests for the same read share one child, and the output is remembered for a moment, so that any number
 * of viewers costs as much as one.
 */
#ifndef ALLOCD_ENTRYPOINTS_HTTP_ADMIN_ADMIN_TASKS_H
#define ALLOCD_ENTRYPOINTS_HTTP_ADMIN_ADMIN_TASKS_H

#include "entrypoints/http/http_exchange.h"
#include "entrypoints/http_admin/admin_arguments.h"
#include "entrypoints/http_admin/http_admin.h"
#include "entrypoints/jobs/child.h"
#include "entrypoints/jobs/job_table.h"

/* Options of each command: it waits for the database only briefly, and logs only errors. */
#define ADMIN_QUIET  "--start-wait=3", "--log-level=error"
#define ADMIN_COMMON "--json", ADMIN_QUIET

/* Reads need no token, so only this many run at a time, and they leave the last child to changes. */
#define ADMIN_READS_MAX 2

/* Between two lines of an output: what belongs between two elements of an array. */
#define ADMIN_SEPARATOR      ",\n"
#define ADMIN_SEPARATOR_SIZE (sizeof ADMIN_SEPARATOR - 1)

/* The output: its lines, each but the first behind a separator. */
struct admin_output {
	char *text;
	size_t size, room;
	size_t lines;
	size_t last_at, before_last_at; /* where the last two lines begin */
};

struct admin_result {
	struct admin_output output;
	struct child_end end;
};

/* Answers the request; `context` lives in the exchange's arena. */
typedef void admin_reply(const struct http_call *call, const struct admin_result *result, void *context);

/* Logs what was done, whether or not the request still waits. */
typedef void admin_log(struct logger *logger, const struct admin_result *result, void *context);

struct admin_task;

struct http_admin {
	struct event_base *base;
	struct logger *logger;
	struct children *children;
	struct job_table *jobs;
	struct admin_token token;
	struct admin_task *tasks; /* that run, and reads that are remembered */
	bool is_stopping;
};

/* Runs the command and replies to the exchange, which it frees.  `log` may be NULL. */
void admin_read(struct exchange *exchange, const char *const *words, admin_reply *reply, void *context);
void admin_write(struct exchange *exchange, const char *const *words, int deadline_ms, admin_reply *reply,
		 admin_log *log, void *context);

/* How long a read that ended so is remembered. */
int64_t admin_remembered_ms(const struct child_end *end, int64_t took_ms);

/* The answer for a command that did not do what was asked; its message may be that of `end`. */
struct http_refusal admin_refusal_of(const struct child_end *end, bool is_change);
void admin_reply_failure(const struct http_call *call, const struct child_end *end);

/* The same for a change.  `line` is what the command says it has done before, or NULL. */
void admin_reply_failed_change(const struct http_call *call, const struct child_end *end,
			       struct json_t *line);

/*
 * Answers 409, and returns true, if the line, or NULL, of a command says that it did nothing because another
 * number of letters matched.
 */
bool admin_reply_count_changed(const struct http_call *call, struct json_t *line);

/* Answers 503, because too many commands run or none can be started, and frees the exchange. */
void admin_reply_busy(struct exchange *exchange);

/* Answers 202, with the job and its place. */
void admin_reply_begun(const struct http_api *api, const struct http_call *call, const struct job *job);

/* See admin_operator(). */
const char *admin_operator_of(const struct http_call *call, struct arena *arena);

/* The operator and the members of a request that changes letters. */
bool admin_change_read(struct admin_arguments *arguments, const struct http_call *call, unsigned members);

/* Forgets what is remembered: a change was made. */
void admin_tasks_forget(struct http_admin *admin);
void admin_tasks_free(struct http_admin *admin);

#endif
