/*
 * Samples as OpenTelemetry's SDKs do (specification/trace/sdk.md, "Sampler"): by the ratio, a trace is
 * sampled when the last 64 bits of its id are below that part of their range, as an unsigned number.  The
 * specification leaves it to the SDKs how they compare them; Python's and Go's decide alike, Java's does not.
 */
#include "bus/tracing/tracer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define RANDOM_BITS_AT (TRACE_ID_LENGTH - SPAN_ID_LENGTH)

/* splitmix64, by Sebastiano Vigna (https://prng.di.unimi.it/splitmix64.c). */
static uint64_t next_random(struct tracer *tracer)
{
	uint64_t z = tracer->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* Ids that are zero are invalid. */
static uint64_t next_id(struct tracer *tracer)
{
	uint64_t id = next_random(tracer);

	return id ? id : 1;
}

static bool is_below(double ratio, uint64_t id)
{
	if (ratio >= 1)
		return true;
	return id >> 1 < (uint64_t)(ratio * (double)(UINT64_C(1) << 63));
}

static bool is_sampled_by_ratio(const struct trace_sampler *sampler, const char *trace_id)
{
	uint64_t id = 0;

	sscanf(trace_id + RANDOM_BITS_AT, "%16" SCNx64, &id);
	return is_below(sampler->ratio, id);
}

static void write_id(char text[SPAN_ID_LENGTH + 1], uint64_t id)
{
	snprintf(text, SPAN_ID_LENGTH + 1, "%016" PRIx64, id);
}

static void begin_root(struct tracer *tracer, uint64_t random_half, struct span *span)
{
	*span = (struct span){.began_us = 0};
	write_id(span->context.trace_id, next_random(tracer));
	write_id(span->context.trace_id + RANDOM_BITS_AT, random_half);
	write_id(span->context.span_id, next_id(tracer));
}

void span_begin_root(struct tracer *tracer, struct span *span)
{
	begin_root(tracer, next_id(tracer), span);
}

void span_begin_child(struct tracer *tracer, const struct span_context *parent, struct span *span)
{
	*span = (struct span){.context = *parent};
	memcpy(span->parent_id, parent->span_id, sizeof span->parent_id);
	write_id(span->context.span_id, next_id(tracer));
}

bool span_begin(struct tracer *tracer, const char *traceparent, struct span *span)
{
	const struct trace_sampler *sampler = &tracer->sampler;
	struct span_context parent;
	uint64_t random_half;

	if (!traceparent) {
		random_half = next_id(tracer);
		if (!is_below(sampler->ratio, random_half))
			return false;
		begin_root(tracer, random_half, span);
		return true;
	}
	parent = traceparent_context(traceparent);
	if (sampler->is_parent_based ? !traceparent_is_sampled(traceparent)
				     : !is_sampled_by_ratio(sampler, parent.trace_id))
		return false;
	span_begin_child(tracer, &parent, span);
	return true;
}

const char *span_traceparent(const struct span *span, struct arena *arena)
{
	return arena_printf(arena, "00-%s-%s-01", span->context.trace_id, span->context.span_id);
}
