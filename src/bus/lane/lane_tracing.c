/* The trace of a unit of work that has a message which is sampled. */
#include "bus/lane/lane_internal.h"
#include "bus/messages/delivery.h"
#include "core/base/utf8.h"

void lane_trace_begin(struct lane *lane)
{
	lane->trace.attempts = 0;
	lane->trace.call_count = 0;
}

void lane_trace_attempt(struct lane *lane)
{
	if (!lane->trace.attempts++)
		lane->trace.span.began_us = lane->stage_us;
}

static const char *kind_name(enum failure_kind kind)
{
	static const char *const names[] = {
		[FAILURE_RETRY] = "retry",         [FAILURE_BUSY] = "busy",
		[FAILURE_CONFLICT] = "conflict",   [FAILURE_FENCED] = "fenced",
		[FAILURE_UNCERTAIN] = "uncertain", [FAILURE_DATA] = "data",
		[FAILURE_FATAL] = "fatal",
	};

	return names[kind];
}

void lane_trace_call(struct lane *lane, enum unit_stage stage, int64_t began_us,
		     const struct failure *failure)
{
	struct unit_trace *trace = &lane->trace;
	struct unit_call *call = &trace->calls[trace->call_count];

	if (!lane->shared->ports->tracer || trace->call_count == UNIT_CALLS_MAX)
		return;
	trace->call_count++;
	call->stage = stage;
	call->began_us = began_us;
	call->ended_us = lane->stage_us;
	call->failure = failure ? kind_name(failure->kind) : NULL;
	call->error[0] = '\0';
	if (failure)
		utf8_format(call->error, sizeof call->error, "%s", failure->text);
}

static void find_sampled(struct unit_trace *trace, const struct delivery_queue *queue)
{
	for (const struct delivery *it = queue->first; it; it = it->next) {
		if (!it->span)
			continue;
		if (trace->link_count < UNIT_LINKS_MAX)
			trace->links[trace->link_count++] = it;
		trace->sampled++;
	}
}

/*
 * Rows of the outbox go out later, and by partition: each remembers one message that caused some of its
 * events.
 */
static void mark_rows(const struct unit_trace *trace, struct unit_of_work *uow)
{
	for (size_t row = 0; row < uow->outbox_count; row++) {
		for (size_t i = 0; i < trace->link_count && !uow->outbox[row].cause; i++) {
			const struct delivery *delivery = trace->links[i];

			if (partition_of(delivery_key(delivery)) == uow->outbox[row].partition)
				uow->outbox[row].cause = &delivery->span->context;
		}
	}
}

/* The span of a unit with one sampled message belongs to its trace; with several it begins a new trace. */
static void begin_span(struct tracer *tracer, struct unit_trace *trace)
{
	int64_t began_us = trace->span.began_us;

	if (trace->sampled == 1)
		span_begin_child(tracer, &trace->links[0]->span->context, &trace->span);
	else
		span_begin_root(tracer, &trace->span);
	trace->span.began_us = began_us;
	for (size_t i = 0; i < trace->link_count; i++)
		trace->links[i]->span->unit = trace->span.context;
}

void lane_trace_committed(struct lane *lane)
{
	struct tracer *tracer = lane->shared->ports->tracer;
	struct unit_trace *trace = &lane->trace;

	if (!tracer)
		return;
	trace->link_count = trace->sampled = 0;
	find_sampled(trace, &lane->done);
	find_sampled(trace, &lane->causes);
	if (!trace->sampled)
		return;
	mark_rows(trace, &lane->uow);
	trace->ended_us = engine_now_us(lane->engine);
	trace->lane = lane->number;
	trace->messages = lane->done.count + lane->causes.count;
	begin_span(tracer, trace);
	tracer->ops->unit_ended(tracer, trace);
}
