/*
 * Port: traces.  The bus decides which messages are sampled, and reports what happened to them; the adapter
 * gives it OpenTelemetry's names and exports it.  Functions with a tracer as parameter accept NULL: then
 * nothing is traced.
 */
#ifndef ALLOCD_BUS_TRACING_TRACER_H
#define ALLOCD_BUS_TRACING_TRACER_H

#include "bus/ports/failure.h"
#include "bus/statistics/unit_statistics.h"
#include "bus/tracing/traceparent.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct delivery;

/* The samplers of OpenTelemetry's SDKs.  One that is parent-based obeys the flag of a parent, if any. */
struct trace_sampler {
	bool is_parent_based;
	double ratio; /* of the others: 0 to 1 */
};

/* A span that is sampled, from its beginning on. */
struct span {
	struct span_context context;
	char parent_id[SPAN_ID_LENGTH + 1]; /* "": it is the first one of its trace */
	struct span_context unit;           /* of a message: the unit of work that committed it; or "" */
	int64_t began_us;                   /* by the engine's clock, which is CLOCK_MONOTONIC */
};

/* A load or a flush. */
struct unit_call {
	enum unit_stage stage;
	int64_t began_us, ended_us;
	const char *failure;           /* its kind, or NULL: it succeeded */
	char error[FAILURE_TEXT_SIZE]; /* the failure's text; "": it succeeded */
};

#define UNIT_CALLS_MAX 8
#define UNIT_LINKS_MAX 128

/* A unit of work with at least one message that is sampled; it is committed. */
struct unit_trace {
	struct span span; /* the child of the message's if only one is sampled */
	int64_t ended_us;
	size_t lane, messages;
	int attempts;
	struct unit_call calls[UNIT_CALLS_MAX]; /* the first ones */
	size_t call_count;
	const struct delivery *links[UNIT_LINKS_MAX]; /* messages that are sampled: the first ones */
	size_t link_count, sampled;
};

/* Events that the broker published by one call, some of them caused by the message of `parent`. */
struct publish_trace {
	const struct span_context *parent;
	int64_t began_us, ended_us;
	const char *event; /* the name of all of them but predecessors; NULL: they have several */
	size_t count;      /* with predecessors */
};

/* A command over HTTP. */
struct request_trace {
	const struct span *span;
	int64_t ended_us;
	const char *path;
	int status;
};

struct trace_statistics {
	uint64_t exported, dropped; /* spans */
};

struct tracer {
	const struct tracer_ops *ops;
	struct trace_sampler sampler;
	uint64_t state; /* of the generator of ids; begins with a random number */
};

/* Each takes what it needs during the call, and neither waits nor fails. */
struct tracer_ops {
	/* The delivery has its outcome, and a span. */
	void (*message_ended)(struct tracer *tracer, const struct delivery *delivery, int64_t ended_us);
	void (*unit_ended)(struct tracer *tracer, const struct unit_trace *unit);
	void (*events_published)(struct tracer *tracer, const struct publish_trace *publish);
	void (*request_ended)(struct tracer *tracer, const struct request_trace *request);
};

/*
 * Begins a span whose parent is a traceparent in the form of version 00, or NULL.  Returns false if it is not
 * sampled.  Does not set `began_us`.
 */
bool span_begin(struct tracer *tracer, const char *traceparent, struct span *span);

/* Begins a child of a span that is sampled. */
void span_begin_child(struct tracer *tracer, const struct span_context *parent, struct span *span);

/* Begins the first span of a new trace. */
void span_begin_root(struct tracer *tracer, struct span *span);

/* The traceparent of what the span causes. */
const char *span_traceparent(const struct span *span, struct arena *arena);

#endif
