/* The names of OpenTelemetry's semantic conventions. */
#include "adapters/otlp/otlp_spans.h"

#include "bus/messages/delivery.h"
#include "bus/messages/reason_code.h"

#include <stdio.h>
#include <string.h>

#define NAME_MAX_BYTES 1280

/* SpanKind of trace.proto. */
enum span_kind { KIND_INTERNAL = 1, KIND_SERVER, KIND_CLIENT, KIND_PRODUCER, KIND_CONSUMER };

/* What every span has; its attributes, links and status follow. */
struct span_head {
	const struct span *span;
	const char *name;
	enum span_kind kind;
	int64_t began_us, ended_us;
};

static void write_time(struct otlp_json *json, const char *member, const struct otlp_names *names, int64_t us)
{
	otlp_json_raw(json, member);
	otlp_json_integer(json, (names->wall_clock_us + us) * 1000);
}

/* Ids need no escapes.  The flag says that the trace is sampled. */
static void write_context(struct otlp_json *json, const struct span_context *context)
{
	otlp_json_raw(json, "{\"traceId\":\"");
	otlp_json_raw(json, context->trace_id);
	otlp_json_raw(json, "\",\"spanId\":\"");
	otlp_json_raw(json, context->span_id);
	otlp_json_raw(json, "\",\"flags\":1");
}

static void begin_span(struct otlp_json *json, const struct otlp_names *names, const struct span_head *head)
{
	char kind[24];

	otlp_json_begin(json);
	write_context(json, &head->span->context);
	if (*head->span->parent_id) {
		otlp_json_raw(json, ",\"parentSpanId\":\"");
		otlp_json_raw(json, head->span->parent_id);
		otlp_json_raw(json, "\"");
	}
	otlp_json_raw(json, ",\"name\":");
	otlp_json_string(json, head->name);
	snprintf(kind, sizeof kind, ",\"kind\":%d", head->kind);
	otlp_json_raw(json, kind);
	write_time(json, ",\"startTimeUnixNano\":", names, head->began_us);
	write_time(json, ",\"endTimeUnixNano\":", names, head->ended_us);
	otlp_json_list_begin(json, ",\"attributes\":[");
}

static void write_link(struct otlp_json *json, const struct span_context *context)
{
	write_context(json, context);
	otlp_json_raw(json, "}");
}

/* Ends the attributes and the span.  `error`: the status has it, and is an error; or NULL. */
static void end_span(struct otlp_json *json, const char *error)
{
	if (error) {
		otlp_json_raw(json, ",\"status\":{\"code\":2,\"message\":");
		otlp_json_string(json, error);
		otlp_json_raw(json, "}");
	}
	otlp_json_raw(json, "}");
}

static void write_server(struct otlp_json *json, const struct otlp_server *server)
{
	otlp_json_text(json, "server.address", server->address);
	if (server->port)
		otlp_json_number(json, "server.port", server->port);
}

/* ---- a message ---- */

static void write_what_redis_delivered(struct otlp_json *json, const struct otlp_names *names,
				       const struct delivery *delivery)
{
	otlp_json_text(json, "messaging.system", "redis");
	otlp_json_text(json, "messaging.operation.name", "process");
	otlp_json_text(json, "messaging.operation.type", "process");
	otlp_json_text(json, "messaging.destination.name", delivery->origin);
	otlp_json_text(json, "messaging.client.id", names->client);
	otlp_json_number(json, "messaging.message.body.size", (int64_t)delivery->payload_size);
	otlp_json_text(json, "messaging.message.id",
		       delivery->envelope.id ? delivery->envelope.id : delivery->entry_id);
	write_server(json, &names->servers.redis);
	if (delivery->transport == TRANSPORT_STREAM)
		otlp_json_text(json, "messaging.consumer.group.name", names->group);
}

/* A message that is refused has failed, by the conventions; one that waits or is forwarded has not. */
static bool has_failed(const struct delivery *delivery)
{
	return delivery->outcome >= OUTCOME_REJECTED;
}

void otlp_write_message(struct otlp_json *json, const struct otlp_names *names,
			const struct delivery *delivery, int64_t ended_us)
{
	bool is_messaging = delivery->transport != TRANSPORT_HTTP;
	const struct span *span = delivery->span;
	const char *message = message_name(delivery->type);
	char name[NAME_MAX_BYTES];

	snprintf(name, sizeof name, "process %s", is_messaging ? delivery->origin : message);
	begin_span(json, names,
		   &(struct span_head){span, name, is_messaging ? KIND_CONSUMER : KIND_INTERNAL,
				       delivery->received_us, ended_us});
	if (is_messaging)
		write_what_redis_delivered(json, names, delivery);
	otlp_json_text(json, "allocd.message", message);
	otlp_json_text(json, "allocd.message.id", delivery->envelope.id);
	otlp_json_text(json, "allocd.sku", delivery->sku);
	otlp_json_text(json, "allocd.outcome", outcome_name(delivery->outcome));
	if (has_failed(delivery))
		otlp_json_text(json, "error.type", reason_code_name(reason_code_of(delivery)));
	otlp_json_raw(json, "]");
	if (*span->unit.span_id) {
		otlp_json_raw(json, ",\"links\":[");
		write_link(json, &span->unit);
		otlp_json_raw(json, "]");
	}
	end_span(json, has_failed(delivery) ? delivery->reason : NULL);
}

/* ---- a unit of work ---- */

static void write_links(struct otlp_json *json, const struct unit_trace *unit)
{
	char dropped[48];

	otlp_json_raw(json, ",\"links\":[");
	for (size_t i = 0; i < unit->link_count; i++) {
		if (i)
			otlp_json_raw(json, ",");
		write_link(json, &unit->links[i]->span->context);
	}
	snprintf(dropped, sizeof dropped, "],\"droppedLinksCount\":%zu", unit->sampled - unit->link_count);
	otlp_json_raw(json, dropped);
}

void otlp_write_unit(struct otlp_json *json, const struct otlp_names *names, const struct unit_trace *unit)
{
	begin_span(json, names,
		   &(struct span_head){&unit->span, "unit of work", KIND_INTERNAL, unit->span.began_us,
				       unit->ended_us});
	otlp_json_number(json, "allocd.unit.messages", (int64_t)unit->messages);
	otlp_json_number(json, "allocd.unit.lane", (int64_t)unit->lane);
	otlp_json_number(json, "allocd.unit.attempts", unit->attempts);
	otlp_json_raw(json, "]");
	write_links(json, unit);
	end_span(json, NULL);
}

#define SQLSTATE_LENGTH 5

/* Errors of the server end with "(SQLSTATE 55P03)"; others have none. */
static void read_sqlstate(const char *error, char sqlstate[SQLSTATE_LENGTH + 1])
{
	static const char before[] = "(SQLSTATE ";
	const char *at = strstr(error, before);

	sqlstate[0] = '\0';
	if (at && strcspn(at + strlen(before), ")") == SQLSTATE_LENGTH)
		snprintf(sqlstate, SQLSTATE_LENGTH + 1, "%s", at + strlen(before));
}

/* There is no single statement to name, so the span has the name of the operation, and no query text. */
void otlp_write_unit_call(struct otlp_json *json, const struct otlp_names *names, const struct span *span,
			  const struct unit_call *call)
{
	const char *name = call->stage == STAGE_LOAD ? "load" : "flush";
	char sqlstate[SQLSTATE_LENGTH + 1];

	read_sqlstate(call->error, sqlstate);
	begin_span(json, names, &(struct span_head){span, name, KIND_CLIENT, call->began_us, call->ended_us});
	otlp_json_text(json, "db.system.name", "postgresql");
	otlp_json_text(json, "db.operation.name", name);
	otlp_json_text(json, "db.namespace", names->servers.database);
	write_server(json, &names->servers.postgres);
	otlp_json_text(json, "db.response.status_code", sqlstate);
	otlp_json_text(json, "error.type", *sqlstate ? sqlstate : call->failure);
	otlp_json_raw(json, "]");
	end_span(json, call->failure ? call->error : NULL);
}

/* ---- events ---- */

/* The events carry the context of the message's span, so this one is of the kind CLIENT and not PRODUCER. */
void otlp_write_publish(struct otlp_json *json, const struct otlp_names *names, const struct span *span,
			const struct publish_trace *publish)
{
	char name[NAME_MAX_BYTES];

	snprintf(name, sizeof name, "publish%s%s", publish->event ? " " : "",
		 publish->event ? publish->event : "");
	begin_span(json, names,
		   &(struct span_head){span, name, KIND_CLIENT, publish->began_us, publish->ended_us});
	otlp_json_text(json, "messaging.system", "redis");
	otlp_json_text(json, "messaging.operation.name", "publish");
	otlp_json_text(json, "messaging.operation.type", "send");
	otlp_json_text(json, "messaging.destination.name", publish->event);
	otlp_json_text(json, "messaging.client.id", names->client);
	otlp_json_number(json, "messaging.batch.message_count", (int64_t)publish->count);
	write_server(json, &names->servers.redis);
	otlp_json_raw(json, "],\"links\":[");
	write_link(json, publish->parent);
	otlp_json_raw(json, "]");
	end_span(json, NULL);
}

/* ---- a request ---- */

void otlp_write_request(struct otlp_json *json, const struct otlp_names *names,
			const struct request_trace *request)
{
	char name[NAME_MAX_BYTES], status[16];

	snprintf(name, sizeof name, "POST %s", request->path);
	snprintf(status, sizeof status, "%d", request->status);
	begin_span(json, names,
		   &(struct span_head){request->span, name, KIND_SERVER, request->span->began_us,
				       request->ended_us});
	otlp_json_text(json, "http.request.method", "POST");
	otlp_json_text(json, "http.route", request->path);
	otlp_json_text(json, "url.path", request->path);
	otlp_json_text(json, "url.scheme", "http");
	otlp_json_number(json, "http.response.status_code", request->status);
	if (request->status >= 500)
		otlp_json_text(json, "error.type", status);
	otlp_json_raw(json, "]");
	end_span(json, request->status >= 500 ? status : NULL);
}
