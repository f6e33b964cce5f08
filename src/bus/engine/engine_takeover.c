/*
 * Takes over processes whose worker died: the event joins its process, as if it were delivered again.  One
 * that cannot be taken over now becomes due again.
 */
#include "bus/engine/engine_internal.h"
#include "bus/engine/sku_resolver.h"

#include <string.h>

static const struct stream_source *find_stream(const struct engine *engine, const char *name)
{
	const struct stream_source *it = engine->streams;

	while (it && strcmp(it->name, name))
		it = it->next;
	return it;
}

void engine_add_stream(struct engine *engine, struct stream_source *source)
{
	source->next = engine->streams;
	engine->streams = source;
}

/*
 * Whether the entries that were in front of an event of the stream have come to this worker before it, if
 * they still exist: they may be about the order's lines.
 */
static bool is_in_place(const struct engine *engine, const struct stream_source *stream)
{
	return stream->has_caught_up(stream->reader) && !engine_has_postponed(engine, stream->name);
}

static bool is_in_its_place(const struct engine *engine, const struct due_process *process)
{
	const struct stream_source *stream = find_stream(engine, process->origin);

	return !process->is_from_stream || (stream && is_in_place(engine, stream));
}

size_t engine_streams_in_place(void *context, const char **names, size_t max)
{
	const struct engine *engine = context;
	size_t count = 0;

	for (const struct stream_source *it = engine->streams; it && count < max; it = it->next) {
		if (is_in_place(engine, it))
			names[count++] = it->name;
	}
	return count;
}

static bool is_here(const struct engine *engine, const struct due_process *process)
{
	return processes_is_running(engine->processes, process->key) ||
	       sku_resolver_holds(engine->resolver, &process->inbox);
}

void engine_resume_process(void *context, const struct due_process *process)
{
	struct engine *engine = context;
	bool has_id = !strchr(process->inbox.source, ' ');

	if (process->type == MSG_NONE) /* a newer program knows it */
		return;
	if (is_here(engine, process) || !is_in_its_place(engine, process) ||
	    !engine_has_room_for_held(engine) || !engine_takes_commands(engine))
		return;
	LOG(engine->ports.logger, LOG_WARN, "a process whose worker died is taken over",
	    LOG_TEXT("message", message_name(process->type)), LOG_TEXT("id", process->inbox.id));
	engine_submit(engine, &(struct arrival){
				      .transport = TRANSPORT_PROCESS,
				      .origin = process->origin,
				      .key = &process->inbox,
				      .id = has_id ? process->inbox.id : NULL,
				      .type = process->type,
				      .payload = process->payload,
				      .payload_size = process->payload.size,
			      });
}
