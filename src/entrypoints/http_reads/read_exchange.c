/* What all reads share: how they begin, the parameters of their query, and their answers. */
#include "entrypoints/http_reads/read_exchange.h"

#include "core/base/must.h"

#include <string.h>

static const struct http_refusal late = {503, PROBLEM_DATABASE_AWAY,
					 "The database does not answer; retry later"};

struct exchange *read_begin(struct http_api *api, const struct http_call *call, const char *what,
			    const char *encoded)
{
	struct exchange *exchange = exchange_new(api, call, &late);

	exchange->name = name_decode(encoded, exchange->arena);
	if (exchange->name)
		return exchange;
	read_refuse(exchange, arena_printf(exchange->arena,
					   "Expected %s of 1 to 255 characters of UTF-8, percent-encoded, in "
					   "the path",
					   what));
	return NULL;
}

void read_refuse(struct exchange *exchange, const char *message)
{
	reply_problem(exchange_detach(exchange), 400, PROBLEM_INVALID, message);
	exchange_free(exchange);
}

/* Clients of forms send a blank as a plus sign. */
static const char *with_blanks(char *value)
{
	for (char *at = value; (at = strchr(at, '+'));)
		*at = ' ';
	return value;
}

/* The parser of libevent refuses a query with a parameter that has no value, such as ?full. */
const char *read_parameter(const struct exchange *exchange, const char *name)
{
	const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(exchange->call.request));
	size_t length = strlen(name), size;

	for (const char *at = query; at; at = at[size] ? at + size + 1 : NULL) {
		size = strcspn(at, "&");
		if (strncmp(at, name, length) != 0 || !strchr("=&", at[length]))
			continue;
		if (size == length)
			return "";
		return with_blanks(arena_text(exchange->arena, at + length + 1, size - length - 1));
	}
	return NULL;
}

const struct http_call *read_end(struct exchange *exchange, const struct failure *failure)
{
	const struct http_call *call = exchange_detach(exchange);

	if (call && failure) {
		reply_refusal(call, &late);
		return NULL;
	}
	return call;
}

void reply_json(const struct http_call *call, json_t *json)
{
	char *text = must(json_dumps(json, JSON_COMPACT));

	reply_json_text(call, text);
	free(text);
	json_decref(json);
}

void reply_json_text(const struct http_call *call, const char *text)
{
	reply_text(call, 200, "application/json", text, strlen(text));
}

void reply_not_found(const struct http_call *call, const char *message)
{
	reply_problem(call, 404, PROBLEM_NOT_FOUND, message);
}
