/* GET /allocations/ORDERID?full */
#include "entrypoints/http_reads/read_exchange.h"

#include "core/base/must.h"

static json_t *allocations_json(const struct allocation_row *rows, size_t count, bool is_full)
{
	json_t *list = must(json_array()), *line;

	for (size_t i = 0; i < count; i++) {
		line = must(json_pack("{s:s, s:s}", "sku", rows[i].sku, "batchref", rows[i].batchref));
		if (is_full)
			json_object_set_new(line, "qty", must(json_integer(rows[i].qty)));
		json_array_append_new(list, line);
	}
	return list;
}

static void on_allocations(void *context, const struct allocation_row *rows, size_t count,
			   const struct failure *failure)
{
	struct exchange *exchange = context;
	struct evhttp_request *request = read_end(exchange, failure);

	if (request && count == 0)
		reply_not_found(
			exchange, request,
			arena_printf(exchange->arena, "Nothing is allocated to order %s", exchange->name));
	else if (request)
		reply_json(exchange, request, allocations_json(rows, count, exchange->is_full));
	exchange_free(exchange);
}

void serve_allocations(struct http_api *api, struct evhttp_request *request, const char *order)
{
	struct exchange *exchange = read_begin(api, request, "an order id", order);
	const char *full = exchange ? read_parameter(exchange, "full") : NULL;

	if (!exchange)
		return;
	exchange->is_full = full;
	if (full && *full)
		read_refuse(exchange, "Expected ?full without a value");
	else
		api->services.views->ops->allocations(api->services.views, exchange->name, on_allocations,
						      exchange);
}
