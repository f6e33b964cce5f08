/*
 * Serves the files that are built into the program: the operators' page, the specifications and the schemas.
 * The page shows nothing by itself: what it shows it asks for under /admin, where the token is checked.
 */
#include "entrypoints/http/http_accept.h"
#include "entrypoints/http/http_exchange.h"

#include "core/message.h"
#include "entrypoints/about/documents.h"
#include "entrypoints/cli/text.h"
#include "entrypoints/http_reads/read_exchange.h"
#include "entrypoints/page/page.h"

#include <stdio.h>

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

static const char *path_of(const struct http_call *call)
{
	return evhttp_uri_get_path(evhttp_request_get_evhttp_uri(call->request));
}

/* `keep`: what a client may do with a copy (Cache-Control). */
static void reply_file(const struct http_call *call, const struct built_in_file *file, const char *keep)
{
	bool is_gzip = accepts_gzip(request_header(call, "Accept-Encoding"));
	char etag[sizeof "\"0123456789abcdef-gzip\""];

	/* The two forms of a file differ in their bytes, so their tags do (RFC 9110, section 8.8.3.3). */
	snprintf(etag, sizeof etag, "\"%s%s\"", file->hash, is_gzip ? "-gzip" : "");
	for (size_t i = 0; i < sizeof protections / sizeof protections[0]; i++)
		reply_header(call, protections[i].name, protections[i].value);
	reply_header(call, "ETag", etag);
	reply_header(call, "Vary", "Accept-Encoding");
	reply_header(call, "Cache-Control", keep);
	if (lists_etag(request_header(call, "If-None-Match"), etag)) {
		reply_not_modified(call);
		return;
	}
	if (is_gzip)
		reply_header(call, "Content-Encoding", "gzip");
	reply_text(call, 200, file->type, (const char *)(is_gzip ? file->gzip : file->plain),
		   is_gzip ? file->gzip_size : file->plain_size);
}

/* A copy is good as long as the ETag is the same. */
#define ASK_AGAIN "no-cache"

/* The name of an asset changes with its content. */
#define FOR_EVER "public, max-age=31536000, immutable"

void serve_page(struct http_api *api, const struct http_call *call)
{
	(void)api;
	reply_file(call, page_find("/"), ASK_AGAIN);
}

void serve_asset(struct http_api *api, const struct http_call *call, const char *name)
{
	const struct built_in_file *file = page_find(path_of(call));

	(void)api;
	(void)name;
	if (file)
		reply_file(call, file, FOR_EVER);
	else
		reply_not_found(call, "There is nothing at this path: a newer page may have replaced it");
}

void serve_specification(struct http_api *api, const struct http_call *call)
{
	(void)api;
	reply_file(call, document_find(path_of(call)), ASK_AGAIN);
}

static const char *names_of_messages(struct arena *arena)
{
	const char *names = "";

	for (int type = MSG_NONE + 1; type < MSG_TYPES; type++)
		names = text_list_add(names, message_name((enum message_type)type), arena);
	return names;
}

void serve_schema(struct http_api *api, const struct http_call *call, const char *name)
{
	const struct built_in_file *file = document_find(path_of(call));
	struct arena *arena = arena_new(1024);

	(void)api;
	(void)name;
	if (file)
		reply_file(call, file, ASK_AGAIN);
	else
		reply_not_found(
			call,
			arena_printf(arena,
				     "There is no such schema: expected /schemas/NAME.json, where NAME is "
				     "one of %s",
				     names_of_messages(arena)));
	arena_free(&arena);
}
