/*
 * The tracer port: exports spans by OTLP over HTTP, in JSON (opentelemetry.io/docs/specs/otlp, "OTLP/HTTP").
 *
 * It never delays messages.  Spans are queued as text, up to a number and a size; further ones are dropped
 * and counted.  A batch is sent when it is full, or after 5 s; one request is under way at a time.  A batch
 * that gets no answer, or 429, 502, 503 or 504, is sent again: after what Retry-After says, or after a delay
 * that doubles.
 */
#ifndef ALLOCD_ADAPTERS_OTLP_OTLP_EXPORTER_H
#define ALLOCD_ADAPTERS_OTLP_OTLP_EXPORTER_H

#include "adapters/otlp/otlp_pairs.h"
#include "adapters/otlp/otlp_spans.h"
#include "bus/ports/logger.h"
#include "bus/ports/random.h"
#include "bus/tracing/tracer.h"

struct event_base;
struct otlp_exporter;

/* Says where the servers are now; texts are valid until the event loop turns. */
typedef void otlp_find_servers(void *context, struct otlp_servers *servers);

struct otlp_config {
	struct event_base *base;
	struct logger *logger;
	struct random *random;
	struct trace_sampler sampler;
	const char *url;              /* to which batches are posted */
	struct otlp_pairs headers;    /* of each request, besides its own */
	struct otlp_pairs attributes; /* of the resource; they precede what follows */
	const char *service, *version, *instance;
	const char *group;               /* of consumers */
	const char *ca_file;             /* NULL: the system's authorities */
	int timeout_ms;                  /* of a request */
	otlp_find_servers *find_servers; /* NULL: spans name none */
	void *context;
};

/* Copies the configuration, without its ports. */
struct otlp_exporter *otlp_exporter_new(const struct otlp_config *config);

struct tracer *otlp_exporter_tracer(struct otlp_exporter *exporter);

const struct trace_statistics *otlp_exporter_statistics(const struct otlp_exporter *exporter);

/* Sends what is queued at once, and retries nothing any more. */
void otlp_exporter_flush(struct otlp_exporter *exporter);

/* After a flush: whether nothing is left to be sent. */
bool otlp_exporter_is_flushed(const struct otlp_exporter *exporter);

/* Accepts NULL in *exporter and nulls it. */
void otlp_exporter_free(struct otlp_exporter **exporter);

#endif
