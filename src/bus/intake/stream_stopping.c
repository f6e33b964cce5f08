/* The end of reading: calls under way are awaited, for a moment, and no other begins. */
#include "bus/intake/stream_reader_internal.h"

#include <string.h>

/* How long a stopped reader waits for calls under way.  A read that finds entries takes less. */
#define STOP_WAIT_MS 300

/* A read that reaches the stream after the call that unblocks it waits all the same: the call is repeated. */
#define UNBLOCK_AGAIN_MS 10

/* If it is refused, the read returns when it has waited for its whole time. */
static void on_unblocked(void *context, const struct failure *failure)
{
	struct stream_reader *reader = context;

	(void)failure;
	reader->is_unblocking = false;
}

void reader_await_read(struct stream_reader *reader)
{
	struct stream *stream = reader->ports.stream;

	if (reader_now_ms(reader) - reader->stop_ms >= STOP_WAIT_MS) {
		reader->has_stopped = true;
		reader_lose(reader); /* entries that arrive now stay pending */
		return;
	}
	if (reader->state == READER_READING_NEW && !reader->is_unblocking) {
		reader->is_unblocking = true;
		stream->ops->unblock(stream, on_unblocked, reader);
	}
	reader_set_timer(reader, reader->note_timer, UNBLOCK_AGAIN_MS);
}

void stream_reader_stop(struct stream_reader *reader)
{
	reader->is_started = reader->has_stopped = false;
	reader->stop_ms = reader_now_ms(reader);
	reader_await_read(reader);
}

static bool is_calling(const struct stream_reader *reader)
{
	bool is_in_step = reader->state != READER_RESTING && reader->state != READER_WAITING;

	return is_in_step || reader->acknowledging || reader->is_forwarding || reader->is_noting;
}

/* A connection that was lost may have left a call behind, which Redis still serves. */
static bool has_its_connections(const struct stream_reader *reader)
{
	struct stream *stream = reader->ports.stream;
	const char *connections = stream->ops->connections(stream);

	return connections && !strcmp(connections, reader->connections);
}

bool stream_reader_has_ended(const struct stream_reader *reader)
{
	return !reader->is_started && !is_calling(reader) && (!reader->lease || has_its_connections(reader));
}

bool stream_reader_is_idle(const struct stream_reader *reader)
{
	return !reader->in_flight.count &&
	       (reader->is_started || reader->has_stopped || stream_reader_has_ended(reader));
}
