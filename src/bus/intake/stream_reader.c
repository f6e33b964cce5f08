/* The steps of a reader, in order.  Acknowledgements and checkpoints happen beside them. */
#include "bus/intake/stream_reader_internal.h"
#include "core/base/must.h"
#include "core/base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLAIM_EVERY_MS 10000

/* How often a reader that waits for another worker checks whether that one is alive. */
#define LOOK_FOR_NEWER_MS 100

/* How often it checks whether it knows which workers are alive. */
#define LOOK_FOR_ROLL_MS 5

/* Failures in a row after which it is logged that the stream is not read. */
#define LOG_FROM_FAILURE 3

/* ---- beginning and end ---- */

static void try_again(void *context)
{
	struct stream_reader *reader = context;

	reader->state = READER_RESTING;
	reader_advance(reader);
}

static void claim_again(void *context)
{
	struct stream_reader *reader = context;

	reader->claim_is_due = true;
}

/*
 * Whether the group has other consumers; without them there is nothing to claim but this consumer's own
 * entries.  The first reading of the state may not count this consumer yet.
 */
static bool may_claim(const struct stream_reader *reader)
{
	return reader->claim_is_due && (reader->is_first_claim || reader->found.consumers > 1);
}

static bool has_caught_up(const void *context)
{
	const struct stream_reader *reader = context;

	return reader->stats.is_reading && !reader->has_pending && !may_claim(reader) && !reader->unknown &&
	       !reader->is_asking && !*reader->refused[CALL_CLAIM];
}

struct stream_reader *stream_reader_new(const struct stream_reader_ports *ports,
					const struct stream_reader_config *config)
{
	struct stream_reader *reader = must_alloc(sizeof *reader);
	struct clock *clock = ports->clock;

	reader->ports = *ports;
	reader->config = *config;
	reader->config.name = reader->name = must(strdup(config->name));
	reader->read_max = STREAM_READ_FIRST;
	reader->not_read_since_ms = reader_now_ms(reader);
	reader->backoff = reader->acknowledge_backoff = reader->forward_backoff =
		(struct backoff){.first_ms = 50, .cap_ms = RETRY_MAX_MS};
	pending_entries_init(&reader->in_flight);
	reader->source = (struct stream_source){
		.name = reader->name, .has_caught_up = has_caught_up, .reader = reader};
	engine_add_stream(ports->engine, &reader->source);
	reader->retry_timer = clock->ops->timer_new(clock, try_again, reader);
	reader->claim_timer = clock->ops->timer_new(clock, claim_again, reader);
	reader->acknowledge_timer = clock->ops->timer_new(clock, acks_send, reader);
	reader->note_timer = clock->ops->timer_new(clock, marks_note, reader);
	reader->forwarding_end = &reader->forwarding;
	reader->forward_timer = clock->ops->timer_new(clock, forwarding_send, reader);
	return reader;
}

void stream_reader_free(struct stream_reader **reader)
{
	struct stream_reader *it = *reader;
	const struct clock_ops *clock;

	if (!it)
		return;
	clock = it->ports.clock->ops;
	clock->timer_free(&it->retry_timer);
	clock->timer_free(&it->claim_timer);
	clock->timer_free(&it->acknowledge_timer);
	clock->timer_free(&it->note_timer);
	clock->timer_free(&it->forward_timer);
	forwarding_release(it);
	pending_entries_release(&it->in_flight);
	lease_release(&it->lease);
	free(it->connections);
	free(it->unknown);
	account_release(&it->account);
	free(it->name);
	free(it);
	*reader = NULL;
}

/* Ignores what the step under way returns: the group or the stream was lost. */
void reader_lose(struct stream_reader *reader)
{
	if (reader->stats.is_reading && !*reader->not_read)
		reader->not_read_since_ms = reader_now_ms(reader);
	reader->stats.is_reading = false;
}

void stream_reader_start(struct stream_reader *reader)
{
	reader->is_started = true;
	reader->not_read_since_ms = reader_now_ms(reader);
	reader_set_timer(reader, reader->note_timer, NOTE_EVERY_MS);
	reader_advance(reader);
}

static void set_unknown(struct stream_reader *reader, const char *type)
{
	char *copy = type ? must(strdup(type)) : NULL;

	free(reader->unknown);
	reader->unknown = copy;
}

void reader_wait_for_newer(struct stream_reader *reader, const struct stream_entry *entry)
{
	char id[STREAM_ID_TEXT];

	stream_id_format(entry->id, id);
	set_unknown(reader, entry->unknown);
	reader->unknown_since_ms = reader_now_ms(reader);
	LOG(reader->ports.logger, LOG_INFO,
	    "an entry is of a type that only another worker knows: the stream is left to that worker",
	    LOG_TEXT("stream", reader->name), LOG_TEXT("entry", id), LOG_TEXT("message", entry->unknown));
}

bool stream_reader_waits_for_newer(const struct stream_reader *reader)
{
	return reader->unknown && lease_keeper_is_known(reader->ports.keeper, reader->unknown);
}

void stream_reader_lead(struct stream_reader *reader, struct lease *lease)
{
	struct stream *stream = reader->ports.stream;

	lease_hold(lease);
	lease_release(&reader->lease);
	reader->lease = lease;
	free(reader->connections);
	reader->connections = must(strdup(stream->ops->connections(stream)));
	reader->stats.is_draining = reader->unanswered;
	set_unknown(reader, NULL);
	reader->is_asking = reader->was_read = false;
	reader_lose(reader);
	stream_reader_start(reader);
}

void stream_reader_pause(struct stream_reader *reader)
{
	reader->is_paused = true;
}

void stream_reader_resume(struct stream_reader *reader)
{
	reader->is_paused = false;
	reader_advance(reader);
}

const struct stream_reader_stats *stream_reader_stats(const struct stream_reader *reader)
{
	return &reader->stats;
}

/* ---- a step failed ---- */

static void report_not_read(struct stream_reader *reader, const char *error)
{
	utf8_format(reader->not_read, sizeof reader->not_read, "%s", error);
	/* The first attempts may fail only because connections are still being made. */
	if (reader->is_logged || reader->backoff.failures < LOG_FROM_FAILURE)
		return;
	reader->is_logged = true;
	LOG(reader->ports.logger, LOG_WARN, "stream is not read, will try again", LOG_TROUBLE(LOG_REDIS),
	    LOG_TEXT("stream", reader->name), LOG_TEXT("error", error));
}

void reader_log_read(struct stream_reader *reader)
{
	reader->backoff.failures = 0;
	reader->not_read[0] = '\0';
	if (!reader->is_logged)
		return;
	reader->is_logged = false;
	LOG(reader->ports.logger, LOG_INFO, "reading the stream resumed", LOG_OVER(LOG_REDIS),
	    LOG_TEXT("stream", reader->name));
}

/* The connection or the group was lost, or the step was refused: begins again after a while. */
void reader_fail(struct stream_reader *reader, const struct failure *failure)
{
	reader_lose(reader);
	if (reader->is_started)
		report_not_read(reader, failure->text);
	reader->state = READER_WAITING;
	reader_set_timer(reader, reader->retry_timer, backoff_next(&reader->backoff, reader->ports.random));
}

static const struct {
	const char *begins, *ends;
} refusals[READER_CALLS] = {
	[CALL_ACKNOWLEDGE] = {"acknowledgements are refused, will try again",
			      "acknowledgements are accepted again"},
	[CALL_CLAIM] = {"claiming the entries of dead consumers is refused, will try again",
			"claiming the entries of dead consumers is accepted again"},
	[CALL_LOOK] = {"the state of the stream cannot be read, will try again",
		       "the state of the stream can be read again"},
	[CALL_TRIM] = {"trimming the stream is refused, will try again",
		       "trimming the stream is accepted again"},
	[CALL_MARK] =
		{"marking the stream's incarnation is refused: a stream that is lost and begins again may be "
		 "taken for this one",
		 "the stream's incarnation is marked"},
	[CALL_FORWARD] = {"entries that belong in another stream cannot be added there, will try again",
			  "entries that belong in another stream are added there again"},
	[CALL_MOVE] =
		{"moving the consumer group back is refused: entries that were passed over are not read",
		 "moving the consumer group back is accepted again"},
};

void reader_note_refusal(struct stream_reader *reader, enum reader_call call, const struct failure *failure)
{
	char *refused = reader->refused[call];

	if (failure && failure->kind == FAILURE_FATAL) {
		if (!*refused) {
			reader->refused_since_ms[call] = reader_now_ms(reader);
			LOG(reader->ports.logger, LOG_WARN, refusals[call].begins,
			    LOG_TEXT("stream", reader->name), LOG_TEXT("error", failure->text));
		}
		utf8_format(refused, READER_ERROR_MAX, "%s", failure->text);
	} else if (!failure && *refused) {
		refused[0] = '\0';
		LOG(reader->ports.logger, LOG_INFO, refusals[call].ends, LOG_TEXT("stream", reader->name));
	}
}

void reader_count_lost(struct stream_reader *reader, const char *how, int64_t count)
{
	if (!count)
		return;
	reader->stats.lost += (uint64_t)count;
	LOG(reader->ports.logger, LOG_ERROR, how, LOG_TEXT("stream", reader->name),
	    LOG_NUMBER("count", count));
}

static void step_done(struct stream_reader *reader)
{
	reader->state = READER_RESTING;
	reader_advance(reader);
}

/* ---- read the state, open, create the group ---- */

static void lead_in(struct stream_reader *reader)
{
	struct stream_id from = reader->found.has_group ? reader->found.delivered : reader->opening.done;
	bool is_same = reader->record.incarnation == reader->opening.incarnation;
	bool is_new = !is_same && (reader->record.incarnation || reader->opening.began_again);

	reader->stats.is_reading = reader->was_read = true;
	reader_count_lost(reader, "entries lost: they had not been read when the stream lost them",
			  account_reopen(&reader->account, &reader->found, from, is_new));
	if (!is_same || stream_id_compare(reader->delivered, from) < 0)
		reader->delivered = from;
	if (!is_same)
		reader->asked_up_to = (struct stream_id){0};
	reader->record = reader->opening;
	reader->suspected = reader->unread = (struct stream_id){0};
	/* Entries handled before: acknowledge those of this incarnation, forget the others. */
	acks_add(reader, pending_entries_take_handled(&reader->in_flight, SIZE_MAX));
	reader->claim_is_due = reader->is_first_claim = reader->has_news = true;
	reader_begin_pass(reader);
	step_done(reader);
}

/* Without the mark everything works, until the stream is lost and recreated. */
static void on_life_marked(void *context, const struct failure *failure)
{
	struct stream_reader *reader = context;

	if (failure && failure->kind != FAILURE_FATAL) {
		reader_fail(reader, failure);
		return;
	}
	reader_note_refusal(reader, CALL_MARK, failure);
	lead_in(reader);
}

/* Marks the incarnation, now that the group is in its place. */
static void mark_life(struct stream_reader *reader)
{
	struct stream *stream = reader->ports.stream;

	reader->is_marked = stream_lives_hold(reader->found.lives, reader->opening.life);
	if (reader->is_marked) {
		lead_in(reader);
		return;
	}
	reader->state = READER_MARKING;
	stream->ops->mark_life(stream, reader->opening.life, on_life_marked, reader);
}

static void log_place(const struct stream_reader *reader, enum log_level level, const char *message,
		      struct stream_id place)
{
	char after[STREAM_ID_TEXT];

	stream_id_format(place, after);
	LOG(reader->ports.logger, level, message, LOG_TEXT("stream", reader->name), LOG_TEXT("after", after),
	    LOG_NUMBER("incarnation", reader->opening.incarnation));
}

static void on_created(void *context, const struct failure *failure)
{
	struct stream_reader *reader = context;

	if (failure) {
		reader_fail(reader, failure);
		return;
	}
	log_place(reader, LOG_INFO, "consumer group created", reader->opening.done);
	mark_life(reader);
}

static void on_moved(void *context, const struct failure *failure)
{
	struct stream_reader *reader = context;

	if (failure && failure->kind != FAILURE_FATAL) {
		reader_fail(reader, failure);
		return;
	}
	reader_note_refusal(reader, CALL_MOVE, failure);
	if (!failure) {
		reader->found.delivered = reader->moving_to;
		log_place(
			reader, LOG_INFO,
			reader->account.is_reading_again
				? "entries of the stream were not received: the consumer group was moved back "
				  "to the last place where none was missing"
				: "the consumer group was ahead of what is known to be handled: it reads "
				  "again from there",
			reader->moving_to);
		if (reader->account.is_reading_again)
			account_moved_back(&reader->account);
	}
	mark_life(reader);
}

/* Every entry up to there was received by a reader, as far as this one and the checkpoints know. */
static struct stream_id known_to_be_delivered(struct stream_reader *reader)
{
	struct stream_id done = reader->opening.done;

	if (reader->record.incarnation != reader->opening.incarnation)
		reader->account.is_reading_again = false;
	else if (reader->account.is_reading_again)
		return reader->account.settled;
	else if (stream_id_compare(done, reader->delivered) < 0)
		return reader->delivered;
	return done;
}

/*
 * The group may be ahead of the entries that were handled: it was moved, or made by another program, or the
 * last checkpoint is a little old.  Entries that are read again have no second effect.  If there are other
 * consumers, the entries may be theirs, unless the stream was recreated: then none was delivered yet.
 */
static void place_group(struct stream_reader *reader)
{
	struct stream *stream = reader->ports.stream;

	reader->state = READER_PLACING;
	reader->moving_to = known_to_be_delivered(reader);
	if (!reader->found.has_group)
		stream->ops->create_group(stream, reader->opening.done, on_created, reader);
	else if ((reader->found.consumers <= 1 || reader->opening.began_again) &&
		 stream_id_compare(reader->moving_to, reader->found.delivered) < 0)
		stream->ops->move_group(stream, reader->moving_to, on_moved, reader);
	else
		mark_life(reader);
}

static void on_opened(void *context, const struct failure *failure)
{
	struct stream_reader *reader = context;

	if (failure) {
		reader_fail(reader, failure);
		return;
	}
	if (reader->opening.began_again)
		log_place(reader, LOG_WARN, "stream began again, or an earlier one came back",
			  reader->opening.done);
	place_group(reader);
}

static void on_looked(void *context, const struct stream_state *state, const struct failure *failure)
{
	struct stream_reader *reader = context;
	struct checkpoints *checkpoints = reader->ports.checkpoints;

	if (failure) {
		reader_fail(reader, failure);
		return;
	}
	reader->found = *state;
	reader->stats.pending = state->pending;
	reader->last_looked = state->last_generated;
	reader_saw_size(reader, state->largest);
	reader->state = READER_OPENING;
	checkpoints->ops->open_stream(checkpoints, reader->name, state, &reader->opening, on_opened, reader);
}

static void look(struct stream_reader *reader)
{
	struct stream *stream = reader->ports.stream;

	reader->state = READER_LOOKING;
	stream->ops->look(stream, on_looked, reader);
}

/* ---- claim ---- */

void reader_count_lost_pending(struct stream_reader *reader, size_t count)
{
	reader_count_lost(reader, "entries lost: they were trimmed while they were pending", (int64_t)count);
}

/* Only the holder of the lease may handle what is pending, so it claims all of it when it begins. */
static bool is_to_claim_all(const struct stream_reader *reader)
{
	return reader->lease && reader->is_first_claim;
}

static void on_claimed(void *context, const struct stream_claim *claim, const struct failure *failure)
{
	struct stream_reader *reader = context;

	if (failure && failure->kind != FAILURE_FATAL) {
		reader_fail(reader, failure);
		return;
	}
	reader_note_refusal(reader, CALL_CLAIM, failure);
	if (failure && is_to_claim_all(reader) && reader->found.others_hold_some) {
		reader_fail(reader, failure); /* what others hold comes before what is not read yet */
		return;
	}
	reader->claim_is_due = false;
	reader->is_first_claim = reader->is_first_claim && failure; /* a refused one is made again */
	reader_set_timer(reader, reader->claim_timer, CLAIM_EVERY_MS);
	if (!failure) {
		reader->stats.claimed += claim->claimed;
		reader_count_lost_pending(reader, claim->lost);
		if (claim->lost)
			account_lost_pending(&reader->account);
	}
	if (!failure && claim->claimed)
		reader_begin_pass(reader);
	step_done(reader);
}

static void claim(struct stream_reader *reader)
{
	struct stream *stream = reader->ports.stream;
	int64_t idle_ms = is_to_claim_all(reader) ? 0 : STREAM_CLAIM_IDLE_MS;

	reader->state = READER_CLAIMING;
	stream->ops->claim(stream, idle_ms, on_claimed, reader);
}

/* ---- the next step ---- */

/* Returns how long until it is checked again whether the entry of an unknown type can be read; 0: it can. */
static int64_t wait_at_unknown_ms(const struct stream_reader *reader)
{
	if (stream_reader_waits_for_newer(reader))
		return LOOK_FOR_NEWER_MS;
	return reader->is_asking && lease_keeper_roll(reader->ports.keeper) < reader->asked_roll
		       ? LOOK_FOR_ROLL_MS
		       : 0;
}

/* It is known who is alive, or the worker that knows the entry has died: it is read, with those behind it. */
static void read_again(struct stream_reader *reader)
{
	set_unknown(reader, NULL);
	reader->is_asking = false;
	reader_begin_pass(reader);
}

/*
 * Whether the reader has its lease, as far as it knows, and only connections that the next holder of the
 * lease can end.  While a connection is not up, every call fails by itself.
 */
static bool may_go_on(const struct stream_reader *reader)
{
	struct stream *stream = reader->ports.stream;
	const char *connections;

	if (!reader->lease)
		return true;
	connections = stream->ops->connections(stream);
	return !reader->lease->is_lost && (!connections || !strcmp(connections, reader->connections));
}

void reader_advance(struct stream_reader *reader)
{
	if (reader->state != READER_RESTING || !reader->is_started || reader->is_paused ||
	    reader->stats.is_draining || !may_go_on(reader))
		return;
	if (wait_at_unknown_ms(reader)) {
		reader->state = READER_WAITING;
		reader_set_timer(reader, reader->retry_timer, wait_at_unknown_ms(reader));
		return;
	}
	if (reader->unknown || reader->is_asking)
		read_again(reader);
	if (!reader->stats.is_reading) {
		if (!reader->is_noting) /* writing a checkpoint reads the state, too */
			look(reader);
	} else if (may_claim(reader)) {
		claim(reader);
	} else if (!acks_are_full(reader) &&
		   !forwarding_is_full(reader)) { /* reading resumes when it is less */
		reader_read(reader);
	}
}
