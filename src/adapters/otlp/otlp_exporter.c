/* The queue of spans, and the batches that are made of it. */
#include "adapters/otlp/otlp_exporter.h"

#include "adapters/otlp/otlp_http.h"
#include "adapters/system/instants.h"
#include "core/base/container_of.h"
#include "core/base/memory_stream.h"
#include "core/base/must.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The defaults of OpenTelemetry's batch processor (OTEL_BSP_*), and a bound in bytes. */
#define QUEUE_MAX   2048
#define QUEUE_BYTES ((size_t)4 * 1024 * 1024)
#define BATCH_MAX   512
#define BATCH_MS    5000

/* A batch is posted this number of times at most; delays double from the first one, up to the longest. */
#define TRIES_MAX       5
#define FIRST_DELAY_S   1
#define LONGEST_DELAY_S 60

enum exporter_state {
	EXPORTER_COLLECTING, /* waits for a full batch, or for its timer */
	EXPORTER_POSTING,    /* waits for the receiver */
	EXPORTER_DELAYING,   /* waits for the time to post the batch again */
};

struct otlp_exporter {
	struct tracer tracer;
	struct logger *logger;
	struct otlp_names names;
	otlp_find_servers *find_servers;
	void *context;
	struct otlp_http *http;
	struct arena *arena; /* of the configuration's texts */
	const char *prefix;  /* of a body: the resource */
	struct event *timer;
	enum exporter_state state;
	struct otlp_json json; /* the span that is being written */

	char *queue[QUEUE_MAX]; /* a ring */
	size_t first, count, bytes;

	char *body; /* of the batch that is posted, or NULL */
	size_t body_size, batch;
	int tries;
	bool is_flushing;
	bool is_failing; /* the receiver did not take the last batch, which is logged */
	struct trace_statistics statistics;
};

static struct otlp_exporter *downcast(struct tracer *tracer)
{
	return container_of(tracer, struct otlp_exporter, tracer);
}

/* ---- the queue ---- */

static void set_timer(struct otlp_exporter *exporter, int64_t delay_ms)
{
	const struct timeval delay = {delay_ms / 1000, delay_ms % 1000 * 1000};

	evtimer_add(exporter->timer, &delay);
}

/* A full batch is posted in the next turn of the event loop. */
static void collect(struct otlp_exporter *exporter)
{
	exporter->state = EXPORTER_COLLECTING;
	if (exporter->count >= BATCH_MAX || (exporter->count && exporter->is_flushing))
		set_timer(exporter, 0);
	else if (exporter->count && !evtimer_pending(exporter->timer, NULL))
		set_timer(exporter, BATCH_MS);
}

/* Queues the span that was written last. */
static void add(struct otlp_exporter *exporter)
{
	const struct otlp_json *json = &exporter->json;

	if (json->is_full || exporter->count == QUEUE_MAX || exporter->bytes + json->size > QUEUE_BYTES) {
		exporter->statistics.dropped++;
		return;
	}
	exporter->queue[(exporter->first + exporter->count++) % QUEUE_MAX] =
		must(strndup(json->text, json->size));
	exporter->bytes += json->size;
	if (exporter->state == EXPORTER_COLLECTING)
		collect(exporter);
}

static char *take(struct otlp_exporter *exporter)
{
	char *span = exporter->queue[exporter->first];

	exporter->first = (exporter->first + 1) % QUEUE_MAX;
	exporter->count--;
	exporter->bytes -= strlen(span);
	return span;
}

/* ---- batches ---- */

static void make_batch(struct otlp_exporter *exporter)
{
	FILE *out = memory_stream_open(&exporter->body, &exporter->body_size);
	size_t count = exporter->count < BATCH_MAX ? exporter->count : BATCH_MAX;

	fputs(exporter->prefix, out);
	for (size_t i = 0; i < count; i++) {
		char *span = take(exporter);

		fputs(i ? "," : "", out);
		fputs(span, out);
		free(span);
	}
	fputs("]}]}]}", out);
	fclose(out);
	exporter->batch = count;
	exporter->tries = 0;
}

static void post(struct otlp_exporter *exporter)
{
	exporter->state = EXPORTER_POSTING;
	exporter->tries++;
	otlp_http_post(exporter->http, exporter->body, exporter->body_size);
}

static void on_timer(evutil_socket_t socket, short what, void *context)
{
	struct otlp_exporter *exporter = context;

	(void)socket;
	(void)what;
	if (!exporter->body && !exporter->count)
		return;
	if (!exporter->body)
		make_batch(exporter);
	post(exporter);
}

static void end_batch(struct otlp_exporter *exporter)
{
	free(exporter->body);
	exporter->body = NULL;
	collect(exporter);
}

/* ---- the receiver answers ---- */

static bool may_retry(const struct otlp_exporter *exporter, const struct otlp_answer *answer)
{
	bool is_passing = !answer->status || answer->status == 429 || answer->status == 502 ||
			  answer->status == 503 || answer->status == 504;

	return is_passing && exporter->tries < TRIES_MAX && !exporter->is_flushing;
}

static int64_t delay_s(const struct otlp_exporter *exporter, const struct otlp_answer *answer)
{
	int64_t delay = answer->retry_after_s > 0 ? answer->retry_after_s
						  : (int64_t)FIRST_DELAY_S << (exporter->tries - 1);

	return delay < LONGEST_DELAY_S ? delay : LONGEST_DELAY_S;
}

static void note_failure(struct otlp_exporter *exporter, const struct otlp_answer *answer)
{
	char status[64];
	const char *error = answer->error ? answer->error : status;

	snprintf(status, sizeof status, "the receiver answers with the status %d", answer->status);
	if (!exporter->is_failing)
		LOG(exporter->logger, LOG_WARN,
		    "traces cannot be exported: they are dropped while this lasts, and messages are not affected",
		    LOG_TEXT("error", error));
	exporter->is_failing = true;
}

static void note_success(struct otlp_exporter *exporter)
{
	exporter->statistics.exported += exporter->batch;
	if (exporter->is_failing)
		LOG(exporter->logger, LOG_INFO, "traces are exported again",
		    LOG_NUMBER("count", exporter->batch));
	exporter->is_failing = false;
}

static void on_answer(void *context, const struct otlp_answer *answer)
{
	struct otlp_exporter *exporter = context;

	if (answer->status >= 200 && answer->status < 300) {
		note_success(exporter);
		end_batch(exporter);
		return;
	}
	note_failure(exporter, answer);
	if (may_retry(exporter, answer)) {
		exporter->state = EXPORTER_DELAYING;
		set_timer(exporter, 1000 * delay_s(exporter, answer));
		return;
	}
	exporter->statistics.dropped += exporter->batch;
	end_batch(exporter);
}

/* ---- the port ---- */

/* Since the last span the system's clock may have been set, and servers may have moved. */
static const struct otlp_names *names_now(struct otlp_exporter *exporter)
{
	exporter->names.wall_clock_us = wall_clock_us() - monotonic_us();
	exporter->names.servers = (struct otlp_servers){0};
	if (exporter->find_servers)
		exporter->find_servers(exporter->context, &exporter->names.servers);
	return &exporter->names;
}

static void message_ended(struct tracer *tracer, const struct delivery *delivery, int64_t ended_us)
{
	struct otlp_exporter *exporter = downcast(tracer);

	otlp_write_message(&exporter->json, names_now(exporter), delivery, ended_us);
	add(exporter);
}

static void unit_ended(struct tracer *tracer, const struct unit_trace *unit)
{
	struct otlp_exporter *exporter = downcast(tracer);

	otlp_write_unit(&exporter->json, names_now(exporter), unit);
	add(exporter);
	for (size_t i = 0; i < unit->call_count; i++) {
		struct span span;

		span_begin_child(tracer, &unit->span.context, &span);
		otlp_write_unit_call(&exporter->json, names_now(exporter), &span, &unit->calls[i]);
		add(exporter);
	}
}

static void events_published(struct tracer *tracer, const struct publish_trace *publish)
{
	struct otlp_exporter *exporter = downcast(tracer);
	struct span span;

	span_begin_child(tracer, publish->parent, &span);
	otlp_write_publish(&exporter->json, names_now(exporter), &span, publish);
	add(exporter);
}

static void request_ended(struct tracer *tracer, const struct request_trace *request)
{
	struct otlp_exporter *exporter = downcast(tracer);

	otlp_write_request(&exporter->json, names_now(exporter), request);
	add(exporter);
}

static const struct tracer_ops otlp_ops = {message_ended, unit_ended, events_published, request_ended};

/* ---- its life ---- */

/* What the configuration says of the resource precedes what the program knows of itself. */
static void write_known(struct otlp_json *json, const struct otlp_config *config, const char *key,
			const char *value)
{
	if (!otlp_pairs_value(&config->attributes, key))
		otlp_json_text(json, key, value);
}

static const char *resource_prefix(const struct otlp_config *config, struct arena *arena)
{
	struct otlp_json *json = must_alloc(sizeof *json);
	const char *prefix;

	otlp_json_begin(json);
	otlp_json_list_begin(json, "{\"resourceSpans\":[{\"resource\":{\"attributes\":[");
	for (size_t i = 0; i < config->attributes.count; i++) {
		/* Of two with one name the first one counts: a key is unique. */
		if (otlp_pairs_value(&config->attributes, config->attributes.names[i]) ==
		    config->attributes.values[i])
			otlp_json_text(json, config->attributes.names[i], config->attributes.values[i]);
	}
	write_known(json, config, "service.name", config->service);
	write_known(json, config, "service.version", config->version);
	write_known(json, config, "service.instance.id", config->instance);
	otlp_json_raw(json, "]},\"scopeSpans\":[{\"scope\":{\"name\":\"allocd\"},\"spans\":[");
	prefix = arena_text(arena, json->text, json->size);
	free(json);
	return prefix;
}

static struct otlp_http *make_client(struct otlp_exporter *exporter, const struct otlp_config *config)
{
	const char *headers[OTLP_PAIRS_MAX + 3] = {"Content-Type: application/json", "Expect:"};

	for (size_t i = 0; i < config->headers.count; i++)
		headers[i + 2] = arena_printf(exporter->arena, "%s: %s", config->headers.names[i],
					      config->headers.values[i]);
	return otlp_http_new(&(struct otlp_http_config){
		.base = config->base,
		.url = config->url,
		.headers = headers,
		.ca_file = config->ca_file,
		.timeout_ms = config->timeout_ms,
		.done = on_answer,
		.context = exporter,
	});
}

struct otlp_exporter *otlp_exporter_new(const struct otlp_config *config)
{
	struct otlp_exporter *exporter = must_alloc(sizeof *exporter);
	struct arena *arena = exporter->arena = arena_new(4096);

	exporter->tracer = (struct tracer){.ops = &otlp_ops, .sampler = config->sampler};
	config->random->fill(config->random, &exporter->tracer.state, sizeof exporter->tracer.state);
	exporter->logger = config->logger;
	exporter->names = (struct otlp_names){
		.group = arena_strdup(arena, config->group),
		.client = arena_strdup(arena, config->instance),
	};
	exporter->find_servers = config->find_servers;
	exporter->context = config->context;
	exporter->prefix = resource_prefix(config, arena);
	exporter->http = make_client(exporter, config);
	exporter->timer = must(evtimer_new(config->base, on_timer, exporter));
	return exporter;
}

struct tracer *otlp_exporter_tracer(struct otlp_exporter *exporter)
{
	return &exporter->tracer;
}

const struct trace_statistics *otlp_exporter_statistics(const struct otlp_exporter *exporter)
{
	return &exporter->statistics;
}

void otlp_exporter_flush(struct otlp_exporter *exporter)
{
	exporter->is_flushing = true;
	if (exporter->state == EXPORTER_DELAYING)
		set_timer(exporter, 0);
	else if (exporter->state == EXPORTER_COLLECTING)
		collect(exporter);
}

bool otlp_exporter_is_flushed(const struct otlp_exporter *exporter)
{
	return !exporter->body && !exporter->count;
}

void otlp_exporter_free(struct otlp_exporter **exporter)
{
	struct otlp_exporter *it = *exporter;

	if (!it)
		return;
	otlp_http_free(&it->http);
	event_free(it->timer);
	while (it->count)
		free(take(it));
	free(it->body);
	arena_free(&it->arena);
	free(it);
	*exporter = NULL;
}
