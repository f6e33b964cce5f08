/* POST: the engine handles the command, and the client is answered after the commit. */
#include "entrypoints/http/http_exchange.h"

#include <event2/buffer.h>

static const struct http_refusal late = {
	503, PROBLEM_LATE, "Perhaps done: the outcome is not known yet; retry with the same id"};

static void on_answered(void *context, const struct delivery *delivery)
{
	struct exchange *exchange = context;
	struct evhttp_request *request = exchange_detach(exchange);
	struct http_answer answer;

	if (request) {
		answer = answer_for(delivery, exchange->arena);
		reply_answer(request, &exchange->api->replies, &answer);
	}
	exchange_free(exchange);
}

static void submit(struct http_api *api, struct evhttp_request *request, enum message_type type)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(request);
	size_t size = evbuffer_get_length(body);

	engine_submit(api->services.engine,
		      &(struct arrival){
			      .transport = TRANSPORT_HTTP,
			      .origin = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request)),
			      .type = type,
			      .payload = {evbuffer_pullup(body, -1), size},
			      .payload_size = size,
			      .answered = on_answered,
			      .context = exchange_new(api, request, &late),
		      });
}

void serve_command(struct http_api *api, struct evhttp_request *request, enum message_type type)
{
	const char *content_type =
		evhttp_find_header(evhttp_request_get_input_headers(request), "Content-Type");

	if (api->stopping)
		reply_problem(request, &api->replies, 503, PROBLEM_STOPPING,
			      "Not done: allocd is stopping; retry with the same id");
	else if (!is_json_type(content_type))
		reply_problem(request, &api->replies, 415, PROBLEM_NOT_JSON,
			      "Expected Content-Type: application/json");
	else if (!engine_has_room(api->services.engine))
		reply_problem(request, &api->replies, 503, PROBLEM_QUEUE_FULL,
			      "Not done: the queue is full; retry with the same id");
	else
		submit(api, request, type);
}
