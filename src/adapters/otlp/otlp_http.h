/*
 * POSTs bodies by libcurl's multi interface, which runs in the event loop.  Unlike with SMTP (see
 * docs/decisions/mail.md) no call of it blocks: names are looked up in a thread of libcurl's, which it does
 * not wait for at the end (CURLOPT_QUICK_EXIT).
 */
#ifndef ALLOCD_ADAPTERS_OTLP_OTLP_HTTP_H
#define ALLOCD_ADAPTERS_OTLP_OTLP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct otlp_http;

struct otlp_answer {
	int status;            /* 0: the receiver did not answer */
	int64_t retry_after_s; /* 0: the server did not say */
	const char *error;     /* why there is no status; valid during the call; or NULL */
};

typedef void otlp_http_done(void *context, const struct otlp_answer *answer);

struct otlp_http_config {
	struct event_base *base;
	const char *url;
	const char *const *headers; /* "Name: value", NULL at the end */
	const char *ca_file;        /* NULL: the system's authorities */
	long timeout_ms;            /* of a whole request */
	otlp_http_done *done;
	void *context;
};

/* Copies the configuration. */
struct otlp_http *otlp_http_new(const struct otlp_http_config *config);

/*
 * `done` is called exactly once, and never before this returns, unless the client is freed before.  The body
 * must live until then.  One request may be under way.
 */
void otlp_http_post(struct otlp_http *http, const char *body, size_t size);

/* Not from `done`.  Accepts NULL in *http and nulls it. */
void otlp_http_free(struct otlp_http **http);

/* Why it is not the URL of an HTTP server ("expected http:// or https://"), or NULL. */
const char *otlp_url_defect(const char *url);

#endif
