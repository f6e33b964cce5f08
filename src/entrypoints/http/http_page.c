/*
 * Serves the operators' page.  It shows nothing by itself: what it shows it asks for under /admin, where the
 * token is checked.
 */
#include "entrypoints/http/http_accept.h"
#include "entrypoints/http/http_exchange.h"

#include "entrypoints/page/page.h"

#include <string.h>

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

static bool has_it(const struct http_call *call, const struct page_file *file)
{
	const char *tags = request_header(call, "If-None-Match");

	return tags && strstr(tags, file->etag);
}

static void reply_file(const struct http_call *call, const struct page_file *file)
{
	bool is_page = !strcmp(file->path, "/"),
	     is_gzip = accepts_gzip(request_header(call, "Accept-Encoding"));

	for (size_t i = 0; i < sizeof protections / sizeof protections[0]; i++)
		reply_header(call, protections[i].name, protections[i].value);
	reply_header(call, "ETag", file->etag);
	reply_header(call, "Vary", "Accept-Encoding");
	reply_header(call, "Cache-Control", is_page ? "no-cache" : "public, max-age=31536000, immutable");
	if (has_it(call, file)) {
		reply_not_modified(call);
		return;
	}
	if (is_gzip)
		reply_header(call, "Content-Encoding", "gzip");
	reply_text(call, 200, file->type, (const char *)(is_gzip ? file->gzip : file->plain),
		   is_gzip ? file->gzip_size : file->plain_size);
}

void serve_page(struct http_api *api, const struct http_call *call)
{
	const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(call->request));
	const struct page_file *file = page_find(path);

	(void)api;
	if (file)
		reply_file(call, file);
	else
		reply_problem(call, 404, PROBLEM_NOT_FOUND,
			      "There is nothing at this path: a newer page may have replaced it");
}

void serve_asset(struct http_api *api, const struct http_call *call, const char *name)
{
	(void)name;
	serve_page(api, call);
}
