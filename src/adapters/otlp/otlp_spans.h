/*
 * What the bus says of a message, a unit of work, a publication and a request, as spans of OTLP/JSON
 * (opentelemetry-proto v1.3, trace/v1/trace.proto).  This is the only place that knows the names of
 * OpenTelemetry's semantic conventions, v1.27.0 (messaging, which are in development) and later (database and
 * HTTP, which are stable).
 */
#ifndef ALLOCD_ADAPTERS_OTLP_OTLP_SPANS_H
#define ALLOCD_ADAPTERS_OTLP_OTLP_SPANS_H

#include "adapters/otlp/otlp_json.h"
#include "bus/tracing/tracer.h"

/* Where a server is. */
struct otlp_server {
	char address[256]; /* a name, an IP address, or the folder of a socket; "": not known at the moment */
	int port;          /* 0: none */
};

struct otlp_servers {
	struct otlp_server postgres, redis;
	const char *database; /* its name, or NULL */
};

struct otlp_names {
	const char *group;     /* of consumers; or "" */
	const char *client;    /* this worker among the clients of Redis */
	int64_t wall_clock_us; /* since 1970, when CLOCK_MONOTONIC was 0 */
	struct otlp_servers servers;
};

/* Each writes one object. */
void otlp_write_message(struct otlp_json *json, const struct otlp_names *names,
			const struct delivery *delivery, int64_t ended_us);
void otlp_write_unit(struct otlp_json *json, const struct otlp_names *names, const struct unit_trace *unit);
void otlp_write_unit_call(struct otlp_json *json, const struct otlp_names *names, const struct span *span,
			  const struct unit_call *call);
void otlp_write_publish(struct otlp_json *json, const struct otlp_names *names, const struct span *span,
			const struct publish_trace *publish);
void otlp_write_request(struct otlp_json *json, const struct otlp_names *names,
			const struct request_trace *request);

#endif
