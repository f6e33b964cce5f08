/* What all reads share: how they begin, the parameters of their query, and their answers. */
#include "entrypoints/http_reads/read_exchange.h"

#include "core/base/must.h"

#include <string.h>

static const struct http_refusal late = {503, PROBLEM_DATABASE_AWAY,
					 "The database does not answer; retry later"};

struct exchange *read_begin_all(struct http_api *api, const struct http_call *call)
{
	return exchange_new(api, call, &late);
}

struct exchange *read_begin(struct http_api *api, const struct http_call *call, const char *what,
			    const char *encoded)
{
	struct exchange *exchange = read_begin_all(api, call);

	exchange->name = name_decode(encoded, exchange->arena);
	if (exchange->name)
		return exchange;
	exchange_refuse(exchange,
			arena_printf(exchange->arena,
				     "Expected %s of 1 to 255 characters of UTF-8, percent-encoded, in "
				     "the path",
				     what));
	return NULL;
}

const char *read_parameter(const struct exchange *exchange, const char *name)
{
	return request_parameter(&exchange->call, name, exchange->arena);
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
