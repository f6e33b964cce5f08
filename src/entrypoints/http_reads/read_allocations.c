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
	const struct http_call *call = read_end(exchange, failure);

	if (call && count == 0)
		reply_not_found(call, arena_printf(exchange->arena, "Nothing is allocated to order %s",
						   exchange->name));
	else if (call)
		reply_json(call, allocations_json(rows, count, exchange->is_full));
	exchange_free(exchange);
}

void serve_allocations(struct http_api *api, const struct http_call *call, const char *order)
{
	struct exchange *exchange = read_begin(api, call, "an order id", order);
	const char *full = exchange ? read_parameter(exchange, "full") : NULL;

	if (!exchange)
		return;
	exchange->is_full = full;
	if (full && *full)
		exchange_refuse(exchange, "Expected ?full without a value");
	else
		api->services.views->ops->allocations(api->services.views, exchange->name, on_allocations,
						      exchange);
}
