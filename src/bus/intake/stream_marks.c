/*
 * Notes in the logbook how far the stream is done, once a second while there is news, and trims what is old.
 */
#include "bus/intake/stream_reader_internal.h"

#define TRIM_EVERY_MS 60000

/* A look brings the first and the last entry of the stream, whatever their size. */
#define NOTE_LARGE_EVERY_MS 10000

static void noted(struct stream_reader *reader)
{
	reader->is_noting = false;
	reader_advance(reader);
}

/* What is not trimmed now is trimmed later. */
static void on_trimmed(void *context, const struct failure *failure)
{
	reader_note_refusal(context, CALL_TRIM, failure);
	noted(context);
}

static void trim(struct stream_reader *reader)
{
	struct stream *stream = reader->ports.stream;

	reader->trim_again_ms = reader_now_ms(reader) + TRIM_EVERY_MS;
	if (stream_id_compare(reader->trim_below, (struct stream_id){0}) > 0)
		stream->ops->trim(stream, reader->trim_below, on_trimmed, reader);
	else
		noted(reader);
}

/* Meanwhile nothing is lost, but a stream that is lost and comes back is read again from the last note. */
static void log_note(struct stream_reader *reader, const struct failure *failure)
{
	struct logger *logger = reader->ports.logger;

	if (failure && !reader->is_note_refused)
		LOG(logger, LOG_WARN, "how far the stream is handled is not written down, will try again",
		    LOG_TROUBLE(LOG_DATABASE), LOG_TEXT("stream", reader->name),
		    LOG_TEXT("error", failure->text));
	else if (!failure && reader->is_note_refused)
		LOG(logger, LOG_INFO, "how far the stream is handled is written down again",
		    LOG_OVER(LOG_DATABASE), LOG_TEXT("stream", reader->name));
	reader->is_note_refused = failure;
}

static void on_marked(void *context, const struct failure *failure)
{
	struct stream_reader *reader = context;

	log_note(reader, failure);
	reader->has_news = reader->has_news || failure;
	if (reader_now_ms(reader) >= reader->trim_again_ms)
		trim(reader);
	else
		noted(reader);
}

/*
 * Nothing that is not done with by all: `done_by_all` itself stays, too.  Redis' clock is that of the ids,
 * and the newest one tells it: a stream that nobody writes to keeps what it has.
 */
static struct stream_id lowest_to_keep(const struct stream_reader *reader, const struct stream_state *state)
{
	uint64_t retention_ms = (uint64_t)reader->config.retention_ms, now = state->last_generated.ms;
	struct stream_id lowest = {now > retention_ms ? now - retention_ms : 0, 0};

	return stream_id_compare(lowest, state->done_by_all) < 0 ? lowest : state->done_by_all;
}

/* The group is gone, or the stream began again: a read would tell, but perhaps only after a while. */
static bool is_lost(const struct stream_reader *reader, const struct stream_state *state)
{
	return !state->has_group || stream_id_compare(state->last_generated, reader->last_looked) < 0 ||
	       (reader->is_marked && !stream_lives_hold(state->lives, reader->record.life));
}

/*
 * The group handed out entries that did not come here, though it has no other consumer, and reads that began
 * since have ended: it was moved by hand.
 */
static bool was_moved(struct stream_reader *reader, const struct stream_state *state)
{
	bool is_ahead = stream_id_compare(reader->delivered, state->delivered) < 0 && state->consumers <= 1;
	bool was_ahead = stream_id_compare(reader->delivered, reader->suspected) < 0 &&
			 reader_now_ms(reader) >= reader->suspected_ms + 2 * STREAM_WAIT_MS;

	if (is_ahead && was_ahead)
		return true;
	if (!is_ahead) {
		reader->suspected = (struct stream_id){0};
	} else if (stream_id_compare(reader->delivered, reader->suspected) >= 0) {
		reader->suspected = state->delivered;
		reader->suspected_ms = reader_now_ms(reader);
	}
	return false;
}

/* Whether the group is to be moved back because entries did not come; those that are gone are counted. */
static bool is_missing_some(struct stream_reader *reader, const struct stream_state *state)
{
	int64_t missing = account_reconcile(&reader->account, state);

	if (missing && !reader->account.is_reading_again)
		reader_count_lost(
			reader,
			"entries lost: they were trimmed, deleted or passed over before they were read",
			missing);
	return missing && reader->account.is_reading_again;
}

static void on_looked_again(void *context, const struct stream_state *state, const struct failure *failure)
{
	struct stream_reader *reader = context;
	struct checkpoints *checkpoints = reader->ports.checkpoints;
	struct stream_record record = reader->record;

	reader_note_refusal(reader, CALL_LOOK, failure);
	if (failure || !reader->stats.is_reading || is_lost(reader, state) || was_moved(reader, state) ||
	    is_missing_some(reader, state)) {
		reader->has_news = true;
		if (!failure)
			reader_lose(reader);
		noted(reader);
		return;
	}
	reader->has_news =
		reader->has_news || reader->suspected.ms || account_is_behind(&reader->account, state);
	reader->is_marked = stream_lives_hold(state->lives, record.life);
	reader->shows_large_entries = state->largest > READ_BYTES;
	reader->stats.pending = state->pending;
	reader->found.consumers = state->consumers;
	reader->last_looked = state->last_generated;
	reader->trim_below = lowest_to_keep(reader, state);
	/* A group that was moved by hand has not got what lies before. */
	record.done = stream_id_compare(state->done, reader->delivered) < 0 ? state->done : reader->delivered;
	checkpoints->ops->mark_stream(checkpoints, reader->name, &record, state, on_marked, reader);
}

void marks_note(void *context)
{
	struct stream_reader *reader = context;
	struct stream *stream = reader->ports.stream;

	if (!reader->is_started) {
		reader_lose(reader); /* what comes now stays pending */
		return;
	}
	reader_set_timer(reader, reader->note_timer,
			 reader->shows_large_entries ? NOTE_LARGE_EVERY_MS : NOTE_EVERY_MS);
	if (!reader->stats.is_reading || reader->is_noting ||
	    !(reader->has_news || reader_now_ms(reader) >= reader->trim_again_ms))
		return;
	reader->is_noting = true;
	reader->has_news = false;
	stream->ops->look(stream, on_looked_again, reader);
}
