/* GET /products/SKU?after=BATCHREF and GET /batches/BATCHREF: what is in stock. */
#include "entrypoints/http_reads/read_exchange.h"

#include "core/base/calendar.h"
#include "core/base/must.h"

/* A batch in the warehouse has no ETA. */
static json_t *eta_json(int32_t eta)
{
	char day[DAY_TEXT_SIZE];

	if (eta == IN_WAREHOUSE)
		return json_null();
	day_format(eta, day);
	return must(json_string(day));
}

static json_t *batch_json(const struct batch_view *batch)
{
	return must(json_pack("{s:s, s:o, s:i, s:i, s:i}", "batchref", batch->batchref, "eta",
			      eta_json(batch->eta), "qty", batch->qty, "allocated", batch->allocated,
			      "available", batch->qty - batch->allocated));
}

/* ---- GET /products/SKU?after=BATCHREF ---- */

static json_t *product_json(const struct stock_page *page, size_t count)
{
	json_t *batches = must(json_array());

	for (size_t i = 0; i < count; i++)
		json_array_append_new(batches, batch_json(&page->batches[i]));
	return must(json_pack("{s:s, s:I, s:o}", "sku", page->sku, "version", (json_int_t)page->version,
			      "batches", batches));
}

static void reply_product(const struct exchange *exchange, const struct http_call *call,
			  const struct stock_page *page)
{
	size_t count = page->count < BATCHES_READ_MAX ? page->count : BATCHES_READ_MAX;

	if (page->count > count)
		reply_next_page(call, exchange->arena, "/products/", page->sku,
				name_encode(page->batches[count - 1].batchref, exchange->arena));
	reply_json(call, product_json(page, count));
}

static void on_product(void *context, const struct stock_page *page, const struct failure *failure)
{
	struct exchange *exchange = context;
	const struct http_call *call = read_end(exchange, failure);

	if (call && !page->sku)
		reply_not_found(call, arena_printf(exchange->arena, "Unknown sku %s", exchange->name));
	else if (call && page->after_is_unknown)
		reply_problem(call, 400, PROBLEM_INVALID,
			      arena_printf(exchange->arena,
					   "Expected ?after=BATCHREF with a batch of sku %s, not %s",
					   exchange->name, exchange->after));
	else if (call)
		reply_product(exchange, call, page);
	exchange_free(exchange);
}

void serve_product(struct http_api *api, const struct http_call *call, const char *sku)
{
	struct exchange *exchange = read_begin(api, call, "a SKU", sku);
	const char *after = exchange ? read_parameter(exchange, "after") : NULL;

	if (!exchange)
		return;
	exchange->after = after ? name_decode(after, exchange->arena) : "";
	if (!exchange->after)
		exchange_refuse(exchange,
				"Expected ?after=BATCHREF, a batch reference of 1 to 255 characters of "
				"UTF-8, percent-encoded");
	else
		api->services.views->ops->product(api->services.views, exchange->name, exchange->after,
						  on_product, exchange);
}

/* ---- GET /batches/BATCHREF ---- */

static void reply_batch(const struct http_call *call, const struct stock_page *page)
{
	json_t *json = must(json_pack("{s:s}", "sku", page->sku));

	json_object_update_new(json, batch_json(&page->batches[0]));
	reply_json(call, json);
}

static void on_batch(void *context, const struct stock_page *page, const struct failure *failure)
{
	struct exchange *exchange = context;
	const struct http_call *call = read_end(exchange, failure);

	if (call && !page->sku)
		reply_not_found(call, arena_printf(exchange->arena, "Unknown batch %s", exchange->name));
	else if (call)
		reply_batch(call, page);
	exchange_free(exchange);
}

void serve_batch(struct http_api *api, const struct http_call *call, const char *batchref)
{
	struct exchange *exchange = read_begin(api, call, "a batch reference", batchref);

	if (exchange)
		api->services.views->ops->batch(api->services.views, exchange->name, on_batch, exchange);
}
