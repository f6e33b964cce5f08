/*
 * Writes a checkpoint of how far the stream is done, once a second while there is news, and trims old
 * entries.
 */
#include "bus/intake/stream_reader_internal.h"

#define TRIM_EVERY_MS 60000

/* Checkpoint period while entries are large: the state includes the stream's whole first and last entry. */
#define NOTE_LARGE_EVERY_MS 10000

static void noted(struct stream_reader *reader)
{
	reader->is_noting = false;
	reader_advance(reader);
}

/* A failure does no harm: the entries are trimmed later. */
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

/*
 * A missing checkpoint loses nothing, but a stream that returns after a loss is read again from the last
 * one.
 */
static void log_note(struct stream_reader *reader, const struct failure *failure)
{
	struct logger *logger = reader->ports.logger;

	if (failure && !reader->is_note_refused)
		LOG(logger, LOG_WARN, "the progress of the stream is not saved, will try again",
		    LOG_TROUBLE(LOG_DATABASE), LOG_TEXT("stream", reader->name),
		    LOG_TEXT("error", failure->text));
	else if (!failure && reader->is_note_refused)
		LOG(logger, LOG_INFO, "the progress of the stream is saved again", LOG_OVER(LOG_DATABASE),
		    LOG_TEXT("stream", reader->name));
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
 * Only entries below `done_by_all` are trimmed: every group is done with them.  Their age follows from
 * their ids, which Redis takes from its clock: a stream without new entries keeps the entries that it has.
 */
static struct stream_id lowest_to_keep(const struct stream_reader *reader, const struct stream_state *state)
{
	uint64_t retention_ms = (uint64_t)reader->config.retention_ms, now = state->last_generated.ms;
	struct stream_id lowest = {now > retention_ms ? now - retention_ms : 0, 0};

	return stream_id_compare(lowest, state->done_by_all) < 0 ? lowest : state->done_by_all;
}

/* The group is gone, or the stream was recreated: a read would fail, but perhaps only after a while. */
static bool is_lost(const struct stream_reader *reader, const struct stream_state *state)
{
	return !state->has_group || stream_id_compare(state->last_generated, reader->last_looked) < 0 ||
	       (reader->is_marked && !stream_lives_hold(state->lives, reader->record.life));
}

/*
 * Whether the group was moved by hand: it delivered entries that this reader did not receive, though it has
 * no other consumer, and every read that began before has ended.
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

/* Whether the group is to be moved back because entries were not received; counts those that are lost. */
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

static void note_state(struct stream_reader *reader, const struct stream_state *state)
{
	struct stream_reader_stats *stats = &reader->stats;
	bool has_unread = stream_id_compare(state->delivered, state->last_present) < 0;

	if (!has_unread) {
		reader->unread = (struct stream_id){0};
	} else if (stream_id_compare(reader->unread, state->delivered) <= 0) {
		reader->unread = state->last_present;
		reader->unread_since_ms = reader_now_ms(reader);
	}
	stats->pending = state->pending;
	stats->length = state->length;
	stats->lag = state->lag;
	stats->first_pending_ms = state->first_pending.ms;
	stats->first_unread_ms = has_unread && !state->first_unread.ms ? UINT64_MAX : state->first_unread.ms;
}

static void on_looked_again(void *context, const struct stream_state *state, const struct failure *failure)
{
	struct stream_reader *reader = context;
	struct checkpoints *checkpoints = reader->ports.checkpoints;
	struct stream_record record = reader->record;

	reader_note_refusal(reader, CALL_LOOK, failure);
	if (!failure && reader->stats.is_draining)
		note_state(reader, state);
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
	note_state(reader, state);
	reader->found.consumers = state->consumers;
	reader->last_looked = state->last_generated;
	reader->trim_below = lowest_to_keep(reader, state);
	/* A group that was moved by hand has not delivered the entries before its place. */
	record.done = stream_id_compare(state->done, reader->delivered) < 0 ? state->done : reader->delivered;
	checkpoints->ops->mark_stream(checkpoints, reader->name, &record, state, on_marked, reader);
}

/* The state may change although nothing is acknowledged: entries are added, or claimed by others. */
static bool has_work(const struct stream_reader *reader)
{
	return reader->in_flight.count || reader->is_paused || reader->stats.pending ||
	       reader->stats.first_unread_ms;
}

void marks_note(void *context)
{
	struct stream_reader *reader = context;
	struct stream *stream = reader->ports.stream;

	if (!reader->is_started) {
		reader_await_read(reader);
		return;
	}
	reader_set_timer(reader, reader->note_timer,
			 reader->shows_large_entries ? NOTE_LARGE_EVERY_MS : NOTE_EVERY_MS);
	/* A reader that drains reads nothing, but what waits is known.  It may still look by itself. */
	if (!(reader->stats.is_reading || reader->stats.is_draining) || reader->state == READER_LOOKING ||
	    reader->is_noting ||
	    !(reader->has_news || has_work(reader) || reader_now_ms(reader) >= reader->trim_again_ms))
		return;
	reader->is_noting = true;
	reader->has_news = false;
	stream->ops->look(stream, on_looked_again, reader);
}
