/* The admin API's life, and the check of its requests. */
#include "entrypoints/http_admin/http_admin.h"

#include "adapters/system/instants.h"
#include "core/base/must.h"
#include "entrypoints/http_admin/admin_tasks.h"

static void on_job_ended(void *context)
{
	admin_tasks_forget(context);
}

struct http_admin *http_admin_new(struct event_base *base, const struct http_admin_config *config)
{
	struct http_admin *admin = must_alloc(sizeof *admin);

	*admin = (struct http_admin){.base = base, .logger = config->logger};
	admin->children = children_new(base, config->program, config->environment, config->logger);
	admin->jobs = job_table_new(admin->children, config->random, config->logger, on_job_ended, admin);
	admin_token_init(&admin->token, &config->token);
	return admin;
}

void http_admin_free(struct http_admin **place)
{
	struct http_admin *admin = *place;

	if (!admin)
		return;
	children_free(&admin->children);
	job_table_free(&admin->jobs);
	admin_tasks_free(admin);
	free(admin);
	*place = NULL;
}

void http_admin_stop(struct http_admin *admin)
{
	admin->is_stopping = true;
	children_stop(admin->children);
}

size_t http_admin_running(const struct http_admin *admin)
{
	return children_count(admin->children);
}

const struct job_table *http_admin_jobs(const struct http_admin *admin)
{
	return admin->jobs;
}

bool http_admin_writes(const struct http_admin *admin)
{
	return admin && admin->token.is_set;
}

enum admin_verdict http_admin_check(struct http_admin *admin, const struct http_call *call,
				    int *retry_after_s)
{
	return admin_token_check(&admin->token, request_header(call, "Authorization"), request_address(call),
				 monotonic_ms(), retry_after_s);
}

static const struct http_refusal off = {
	403, PROBLEM_ADMIN_OFF, "Not done: nothing can be changed here before ALLOCD_ADMIN_TOKEN is set"};
static const struct http_refusal missing = {
	401, PROBLEM_UNAUTHORIZED,
	"Not done: expected Authorization: Bearer and the token in ALLOCD_ADMIN_TOKEN"};
static const struct http_refusal wrong = {401, PROBLEM_UNAUTHORIZED,
					  "This is not the token in ALLOCD_ADMIN_TOKEN"};
static const struct http_refusal limited = {429, PROBLEM_TOO_MANY_TRIES,
					    "Too many wrong tokens came from this address: retry later"};
static const struct http_refusal not_json = {415, PROBLEM_NOT_JSON,
					     "Expected Content-Type: application/json"};

const struct http_refusal *http_admin_refusal(enum admin_verdict verdict, bool is_change,
					      const char *content_type)
{
	switch (verdict) {
	case ADMIN_TOKEN_OFF:
		return is_change ? &off : NULL;
	case ADMIN_TOKEN_MISSING:
		return is_change ? &missing : NULL;
	case ADMIN_TOKEN_RIGHT:
		return is_change && !is_json_type(content_type) ? &not_json : NULL;
	case ADMIN_TOKEN_WRONG:
		return &wrong;
	case ADMIN_TOKEN_LIMITED:
		return &limited;
	}
	return &wrong;
}
