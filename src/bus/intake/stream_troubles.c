/* Reports what keeps a stream from being read or acknowledged, and how far its reader is behind. */
#include "bus/intake/stream_reader_internal.h"

/* After this time it is a trouble that no newer worker, which knows the entry's type, took the stream. */
#define NEWER_LATE_MS 10000

/* A stream that is opened again, for example to move its group back, is no trouble for this time. */
#define OPENED_AGAIN_MS 2000

int64_t stream_reader_behind_ms(const struct stream_reader *reader)
{
	if (!reader->stats.is_reading || stream_id_compare(reader->unread, (struct stream_id){0}) == 0)
		return 0;
	return reader_now_ms(reader) - reader->unread_since_ms;
}

static bool is_opened_again(const struct stream_reader *reader)
{
	return reader->is_started && reader->was_read &&
	       reader_now_ms(reader) - reader->not_read_since_ms < OPENED_AGAIN_MS;
}

static enum stream_trouble trouble_of(const struct stream_reader *reader)
{
	if (reader->stats.is_reading && *reader->refused[CALL_ACKNOWLEDGE])
		return STREAM_REFUSES_ACKS;
	if (*reader->refused[CALL_FORWARD])
		return STREAM_CANNOT_FORWARD;
	if (stream_reader_waits_for_newer(reader) &&
	    reader_now_ms(reader) - reader->unknown_since_ms >= NEWER_LATE_MS)
		return STREAM_WAITS_FOR_NEWER;
	if (!*reader->not_read && (reader->stats.is_reading || is_opened_again(reader)))
		return STREAM_IS_FINE;
	return STREAM_UNREAD;
}

enum stream_trouble stream_reader_trouble(const struct stream_reader *reader, struct arena *arena,
					  struct engine_trouble *trouble)
{
	enum stream_trouble kind = trouble_of(reader);
	int64_t since_ms = reader->not_read_since_ms;

	switch (kind) {
	case STREAM_REFUSES_ACKS:
		since_ms = reader->refused_since_ms[CALL_ACKNOWLEDGE];
		trouble->text = arena_printf(arena, "takes no acknowledgements: %s",
					     reader->refused[CALL_ACKNOWLEDGE]);
		break;
	case STREAM_CANNOT_FORWARD:
		since_ms = reader->refused_since_ms[CALL_FORWARD];
		trouble->text = arena_printf(arena, "has entries that cannot be added to another stream: %s",
					     reader->refused[CALL_FORWARD]);
		break;
	case STREAM_WAITS_FOR_NEWER:
		since_ms = reader->unknown_since_ms;
		trouble->text = arena_printf(
			arena, "waits for the worker that knows messages of type %s, which does not read it",
			reader->unknown);
		break;
	case STREAM_UNREAD:
		trouble->text = arena_printf(arena, "is not read%s%s", *reader->not_read ? ": " : "",
					     reader->not_read);
		break;
	case STREAM_IS_FINE:
	case STREAM_TROUBLES:
		break;
	}
	trouble->for_ms = reader_now_ms(reader) - since_ms;
	return kind;
}
