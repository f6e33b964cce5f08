/* GET /admin/blind-windows */
#include "entrypoints/http_reads/read_exchange.h"

#include "core/base/calendar.h"
#include "core/base/must.h"

static json_t *gaps_json(const struct subscription_gap *gaps, size_t count)
{
	json_t *list = must(json_array());
	char since[INSTANT_TEXT_SIZE], until[INSTANT_TEXT_SIZE];

	for (size_t i = 0; i < count; i++) {
		instant_format(gaps[i].since, since);
		instant_format(gaps[i].until, until);
		json_array_append_new(list, must(json_pack("{s:s, s:s, s:s}", "since", since, "until", until,
							   "cause", gaps[i].cause)));
	}
	return must(json_pack("{s:o}", "blind_windows", list));
}

static void on_gaps(void *context, const struct subscription_gap *gaps, size_t count,
		    const struct failure *failure)
{
	struct exchange *exchange = context;
	const struct http_call *call = read_end(exchange, failure);

	if (call)
		reply_json(call, gaps_json(gaps, count));
	exchange_free(exchange);
}

void serve_gaps(struct http_api *api, const struct http_call *call)
{
	api->services.views->ops->gaps(api->services.views, on_gaps, read_begin_all(api, call));
}
