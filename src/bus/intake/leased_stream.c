/* What a lease means to the reader of a stream. */
#include "bus/intake/leased_stream.h"

/* A worker that could commit nothing for this time lets another one have the lease. */
#define STANDSTILL_MS 5000

static const char *note(void *context)
{
	const struct leased_stream *it = context;
	struct engine_trouble trouble;

	if (engine_database_trouble(it->engine, &trouble) && trouble.for_ms >= STANDSTILL_MS)
		return NULL;
	if (stream_reader_waits_for_newer(it->reader))
		return NULL;
	return it->stream->ops->connections(it->stream);
}

static void end(void *context, const char *last_note, store_done *done, void *done_context)
{
	const struct leased_stream *it = context;

	it->stream->ops->end_connections(it->stream, last_note, done, done_context);
}

static void begin(void *context, struct lease *lease, const char *last_note)
{
	const struct leased_stream *it = context;

	(void)last_note;
	stream_reader_lead(it->reader, lease);
}

static void stop(void *context)
{
	const struct leased_stream *it = context;

	stream_reader_stop(it->reader);
}

static bool is_idle(void *context)
{
	const struct leased_stream *it = context;

	return stream_reader_is_idle(it->reader);
}

static bool has_ended(void *context)
{
	const struct leased_stream *it = context;

	return stream_reader_has_ended(it->reader);
}

static void lost(void *context)
{
	const struct leased_stream *it = context;

	engine_return_lost(it->engine, it->name);
}

void leased_stream_add(struct lease_keeper *keeper, struct leased_stream *it)
{
	static const struct leased_ops ops = {note, end, begin, stop, is_idle, has_ended, lost};

	lease_keeper_add(keeper, it->name, &ops, it);
}
