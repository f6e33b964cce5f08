/* Records what the bus reports. */
#include "adapters/memory/ports/tracer.h"

#include "bus/messages/delivery.h"
#include "core/base/container_of.h"

static void tell(struct memory_tracer *it, const char *line)
{
	it->told = arena_printf(it->arena, "%s%s\n", it->told, line);
}

static struct memory_tracer *downcast(struct tracer *tracer)
{
	return container_of(tracer, struct memory_tracer, tracer);
}

static void message_ended(struct tracer *tracer, const struct delivery *delivery, int64_t ended_us)
{
	struct memory_tracer *it = downcast(tracer);

	(void)ended_us;
	it->last_message = *delivery->span;
	tell(it, arena_printf(it->arena, "process %s %s", message_name(delivery->type),
			      outcome_name(delivery->outcome)));
}

static void unit_ended(struct tracer *tracer, const struct unit_trace *unit)
{
	struct memory_tracer *it = downcast(tracer);
	const char *line = arena_printf(it->arena, "unit of %zu, %d attempt%s, %zu link%s:", unit->messages,
					unit->attempts, unit->attempts == 1 ? "" : "s", unit->link_count,
					unit->link_count == 1 ? "" : "s");

	for (size_t i = 0; i < unit->call_count; i++) {
		const char *failure = unit->calls[i].failure;

		line = arena_printf(it->arena, "%s %s%s%s", line,
				    unit->calls[i].stage == STAGE_LOAD ? "load" : "flush", failure ? "=" : "",
				    failure ? failure : "");
	}
	it->last_unit = unit->span;
	tell(it, line);
}

static void events_published(struct tracer *tracer, const struct publish_trace *publish)
{
	struct memory_tracer *it = downcast(tracer);

	tell(it, arena_printf(it->arena, "publish %s %zu", publish->event ? publish->event : "events",
			      publish->count));
}

static void request_ended(struct tracer *tracer, const struct request_trace *request)
{
	struct memory_tracer *it = downcast(tracer);

	tell(it, arena_printf(it->arena, "POST %s %d", request->path, request->status));
}

void memory_tracer_init(struct memory_tracer *tracer)
{
	static const struct tracer_ops ops = {message_ended, unit_ended, events_published, request_ended};

	*tracer = (struct memory_tracer){
		.tracer = {.ops = &ops, .sampler = {.ratio = 1}},
		.arena = arena_new(4096),
		.told = "",
	};
}

void memory_tracer_release(struct memory_tracer *tracer)
{
	arena_free(&tracer->arena);
}
