/*
 * Serves the operators' page.  It shows nothing by itself: what it shows it asks for under /admin, where the
 * token is checked.
 */
#include "entrypoints/http/http_exchange.h"

#include "entrypoints/page/page.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Nothing from elsewhere, no inline code, and no other site may frame the page or take part of it. */
static const struct {
	const char *name, *value;
} protections[] = {
	{"Content-Security-Policy",
	 "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
	 "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
	{"X-Content-Type-Options", "nosniff"},
	{"Referrer-Policy", "no-referrer"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
};

/* Each element of the list is a coding and, perhaps, a weight; 0 forbids the coding (RFC 9110, 12.5.3). */
static bool accepts_gzip(struct evhttp_request *request)
{
	const char *at = evhttp_find_header(evhttp_request_get_input_headers(request), "Accept-Encoding");

	for (; at && *at; at += strspn(at, ", ")) {
		size_t length = strcspn(at, ",");
		const char *weight = memmem(at, length, "q=", strlen("q="));

		if (strncasecmp(at, "gzip", strlen("gzip")) == 0)
			return !weight || strtod(weight + strlen("q="), NULL) > 0;
		at += length;
	}
	return false;
}

static bool has_it(struct evhttp_request *request, const struct page_file *file)
{
	const char *tags = evhttp_find_header(evhttp_request_get_input_headers(request), "If-None-Match");

	return tags && strstr(tags, file->etag);
}

static void reply_file(struct http_api *api, struct evhttp_request *request, const struct page_file *file)
{
	bool is_page = !strcmp(file->path, "/"), is_gzip = accepts_gzip(request);

	for (size_t i = 0; i < sizeof protections / sizeof protections[0]; i++)
		reply_header(request, protections[i].name, protections[i].value);
	reply_header(request, "ETag", file->etag);
	reply_header(request, "Vary", "Accept-Encoding");
	reply_header(request, "Cache-Control", is_page ? "no-cache" : "public, max-age=31536000, immutable");
	if (has_it(request, file)) {
		reply_not_modified(request, &api->replies);
		return;
	}
	if (is_gzip)
		reply_header(request, "Content-Encoding", "gzip");
	reply_text(request, &api->replies, 200, file->type,
		   (const char *)(is_gzip ? file->gzip : file->plain),
		   is_gzip ? file->gzip_size : file->plain_size);
}

void serve_page(struct http_api *api, struct evhttp_request *request)
{
	const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
	const struct page_file *file = page_find(path);

	if (file)
		reply_file(api, request, file);
	else
		reply_problem(request, &api->replies, 404, PROBLEM_NOT_FOUND,
			      "There is nothing at this path: a newer page may have replaced it");
}

void serve_asset(struct http_api *api, struct evhttp_request *request, const char *name)
{
	(void)name;
	serve_page(api, request);
}
