/*
 * The admin API of dead letters: /admin/dead-letters, /admin/jobs, /admin/commands and /admin/messages.
 *
 * It has no implementation of its own of what the command line does: each request becomes a command of this
 * program, run as a child (see jobs/child.h), whose output is the answer.
 */
#ifndef ALLOCD_ENTRYPOINTS_HTTP_ADMIN_HTTP_ADMIN_H
#define ALLOCD_ENTRYPOINTS_HTTP_ADMIN_HTTP_ADMIN_H

#include "entrypoints/http/http_reply.h"
#include "entrypoints/http_admin/admin_token.h"

struct event_base;
struct http_api;
struct http_admin;
struct job_table;
struct logger;
struct random;

struct http_admin_config {
	const char *program;             /* the path of this program */
	const char *const *environment;  /* of the children; outlives the API, as the program does */
	struct admin_token_source token; /* its context outlives the API */
	struct random *random;           /* outlives the API, too */
	struct logger *logger;           /* of what operators change; outlives the API */
};

struct http_admin *http_admin_new(struct event_base *base, const struct http_admin_config *config);

/* Kills what runs, and answers nothing.  Accepts NULL in *admin and nulls it. */
void http_admin_free(struct http_admin **admin);

/* Asks what runs to end; nothing new is started. */
void http_admin_stop(struct http_admin *admin);

/* The number of children that run. */
size_t http_admin_running(const struct http_admin *admin);

/* Its jobs; it owns them. */
const struct job_table *http_admin_jobs(const struct http_admin *admin);

/* Whether requests with the token may change something. */
bool http_admin_writes(const struct http_admin *admin);

/* What the token of the request is, by its address; see admin_token.h. */
enum admin_verdict http_admin_check(struct http_admin *admin, const struct http_call *call,
				    int *retry_after_s);

/* NULL, or why a request with such a token is refused. */
const struct http_refusal *http_admin_refusal(enum admin_verdict verdict, bool is_change,
					      const char *content_type);

/* ---- requests ---- */

void serve_letter_groups(struct http_api *api, const struct http_call *call);
void serve_letters(struct http_api *api, const struct http_call *call);
void serve_letter_export(struct http_api *api, const struct http_call *call);
void serve_letter(struct http_api *api, const struct http_call *call, const char *id);
void serve_discards(struct http_api *api, const struct http_call *call);
void serve_restores(struct http_api *api, const struct http_call *call);
void serve_rehearsals(struct http_api *api, const struct http_call *call);
void serve_replays(struct http_api *api, const struct http_call *call);
void serve_republish(struct http_api *api, const struct http_call *call);
void serve_jobs(struct http_api *api, const struct http_call *call);
void serve_job(struct http_api *api, const struct http_call *call, const char *id);
void serve_message(struct http_api *api, const struct http_call *call, const char *id);
void serve_admin_command(struct http_api *api, const struct http_call *call, const char *name);

#endif
