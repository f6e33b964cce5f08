/* Serves rehearsals, which are dry runs of replays, and replays, which are jobs. */
#include "entrypoints/http_admin/admin_operator.h"
#include "entrypoints/http_admin/admin_tasks.h"

#include "bus/ports/logger.h"
#include "core/base/must.h"
#include "entrypoints/cli/text.h"
#include "entrypoints/http_reads/read_exchange.h"

#include <jansson.h>
#include <string.h>

#define REHEARSED_MAX 100
#define REHEARSAL_MS  30000

/* How long a replay may count its letters before it begins. */
#define BEGIN_MS 30000

static const struct http_refusal late_rehearsal = {503, PROBLEM_LATE,
						   "The rehearsal takes too long: rehearse fewer letters"};
static const struct http_refusal late_replay = {
	503, PROBLEM_LATE, "Perhaps begun: the letters are still being counted; see /admin/jobs"};

/* ---- rehearsals ---- */

static void reply_rehearsal(const struct http_call *call, const struct admin_result *result, void *context)
{
	const struct admin_output *output = &result->output;
	const struct child_end *end = &result->end;
	struct arena *arena = arena_new(4096);

	(void)context;
	if (end->cut == CHILD_WAS_LATE)
		reply_refusal(call, &late_rehearsal);
	else if (end->cut == CHILD_ENDED_ITSELF && end->status == STATUS_CONFIGURATION)
		reply_problem(call, 501, PROBLEM_NO_REHEARSALS, end->error);
	else if (end->cut == CHILD_ENDED_ITSELF && end->status == STATUS_FAILED && !output->lines)
		reply_not_found(call, end->error);
	else if (child_ended_regularly(end))
		reply_json_text(call, arena_printf(arena, "{\"letters\":[%.*s]}", (int)output->size,
						   output->text ? output->text : ""));
	else
		admin_reply_failure(call, end);
	arena_free(&arena);
}

/* The events and the changes of more letters would be too many for one answer. */
static bool bound_rehearsal(struct admin_arguments *arguments)
{
	int64_t limit = REHEARSED_MAX;
	const char *given = admin_arguments_value(arguments, "limit");

	if (!given)
		return admin_arguments_add(arguments, admin_changes, "", "limit",
					   arena_printf(arguments->arena, "%d", REHEARSED_MAX));
	return (text_to_number(given, &limit) && limit <= REHEARSED_MAX) ||
	       admin_arguments_refuse(arguments, "limit: expected a number from 1 to %d", REHEARSED_MAX);
}

void serve_rehearsals(struct http_api *api, const struct http_call *call)
{
	struct exchange *exchange = exchange_new_for(api, call, &late_rehearsal, REHEARSAL_MS + 500);
	struct admin_arguments arguments = {.arena = exchange->arena};

	if (admin_change_read(&arguments, call, TAKES_EDITS) && bound_rehearsal(&arguments))
		admin_write(exchange,
			    admin_arguments_words(&arguments,
						  (const char *const[]){"dead-letters", "replay",
									ADMIN_COMMON, "--dry-run", NULL}),
			    REHEARSAL_MS, reply_rehearsal, NULL, NULL);
	else
		exchange_refuse(exchange, arguments.error);
}

/* ---- replays ---- */

static void reply_job(const struct http_api *api, const struct http_call *call, const struct job *job,
		      int status)
{
	json_t *json = job_json(job);
	char *text;

	if (!http_shows_payloads(api, call))
		job_json_withhold(json);
	text = must(json_dumps(json, JSON_COMPACT));

	reply_text(call, status, "application/json", text, strlen(text));
	free(text);
	json_decref(json);
}

void admin_reply_begun(const struct http_api *api, const struct http_call *call, const struct job *job)
{
	char location[64];

	snprintf(location, sizeof location, "/admin/jobs/%s", job_id(job));
	reply_header(call, "Location", location);
	reply_job(api, call, job, 202);
}

static void on_begun(void *context, const struct job *job, json_t *line, const struct child_end *end)
{
	struct exchange *exchange = context;
	const struct http_call *call = exchange_detach(exchange);

	if (call && end)
		admin_reply_failed_change(call, end, NULL);
	else if (call && !admin_reply_count_changed(call, line))
		admin_reply_begun(exchange->api, call, job);
	exchange_free(exchange);
}

static void start_replay(struct exchange *exchange, struct admin_arguments *arguments)
{
	const struct job_call call = {
		.kind = "replay",
		.who = admin_arguments_value(arguments, "operator"),
		.hides_arguments = true,
		.arguments = admin_arguments_words(
			arguments, (const char *const[]){"dead-letters", "replay", "--json",
							 "--log-level=error", "--progress", "--yes", NULL}),
		.begun = on_begun,
		.begun_context = exchange,
	};
	struct http_admin *admin = exchange->api->admin;

	if (admin->is_stopping || !job_start(admin->jobs, &call))
		admin_reply_busy(exchange);
}

void serve_replays(struct http_api *api, const struct http_call *call)
{
	struct exchange *exchange = exchange_new_for(api, call, &late_replay, BEGIN_MS);
	struct admin_arguments arguments = {.arena = exchange->arena};

	if (admin_change_read(&arguments, call, TAKES_EDITS | TAKES_RATE | NEEDS_EXPECTED_COUNT))
		start_replay(exchange, &arguments);
	else
		exchange_refuse(exchange, arguments.error);
}

/* ---- jobs ---- */

void serve_jobs(struct http_api *api, const struct http_call *call)
{
	json_t *table = job_table_json(api->admin->jobs), *job;
	size_t i;

	if (!http_shows_payloads(api, call)) {
		json_array_foreach(json_object_get(table, "jobs"), i, job)
		{
			job_json_withhold(job);
		}
	}
	reply_json(call, table);
}

static void stop(const struct http_api *api, const struct http_call *call, struct job *job)
{
	struct arena *arena = arena_new(256);
	const char *who = admin_operator_of(call, arena);

	if (who) {
		LOG(api->admin->logger, LOG_INFO, "an operator stopped a job", LOG_TEXT("job", job_id(job)),
		    LOG_TEXT("who", who));
		job_stop(job);
		reply_job(api, call, job, 202);
	} else {
		reply_problem(call, 400, PROBLEM_INVALID, OPERATOR_EXPECTED);
	}
	arena_free(&arena);
}

void serve_job(struct http_api *api, const struct http_call *call, const char *id)
{
	struct job *job = job_find(api->admin->jobs, id);

	if (!job)
		reply_not_found(call, "There is no such job in this worker, or it ended long ago");
	else if (evhttp_request_get_command(call->request) == EVHTTP_REQ_DELETE)
		stop(api, call, job);
	else
		reply_job(api, call, job, 200);
}
