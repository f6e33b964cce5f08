/*
 * Two things go on side by side: reading, one step after another; and what follows from it, acknowledging and
 * noting how far it is done.
 */
#include "bus/stream_reader.h"

#include "bus/backoff.h"
#include "bus/in_flight.h"
#include "core/must.h"

#include <stdlib.h>
#include <string.h>

#define CLAIM_EVERY_MS 10000
#define NOTE_EVERY_MS  1000
#define TRIM_EVERY_MS  60000

/* How long a reader that is stopped waits for what is on its way.  A read that finds entries takes less. */
#define STOP_WAIT_MS 100

/* Failures in a row after which it is told that the stream is not read. */
#define TELL_FROM_FAILURE 3

/* Entries that one call acknowledges, at most. */
#define ACKNOWLEDGE_MAX 1000

/* Of payload that one read may bring, if the next entries are as large as the last ones. */
#define READ_BYTES ((size_t)1 << 20)

enum reader_state {
	READER_RESTING,         /* for leave to go on: to be started or resumed, or for an acknowledgement */
	READER_LOOKING,         /* for the stream: how things stand */
	READER_OPENING,         /* for the logbook: which incarnation it is */
	READER_CREATING,        /* for the stream: the group */
	READER_CLAIMING,        /* for the stream: what readers that are gone left */
	READER_READING_PENDING, /* for the stream: what was read before and is not acknowledged */
	READER_READING_NEW,     /* for the stream: entries that nobody got */
	READER_WAITING,         /* for the time to try again */
};

struct stream_reader {
	struct stream_reader_ports ports;
	struct stream_reader_config config;
	struct stream_reader_stats stats; /* is_reading: the group is there, and `record` is the stream's */
	char *name;

	enum reader_state state;
	bool is_started, is_paused;
	struct timer *retry_timer, *claim_timer, *acknowledge_timer, *note_timer;
	struct backoff backoff;
	bool is_told;                 /* that the stream is not read */
	struct stream_record opening; /* being read from the logbook */
	struct stream_record record;
	bool claim_is_due;
	bool has_pending;             /* entries of this reader, perhaps, */
	struct stream_id read_up_to;  /* above this one */
	size_t read_max;              /* new entries to ask for */
	struct stream_id last_looked; /* the last id that the stream had generated then */

	struct in_flight in_flight;
	struct flying_entry *acknowledging; /* the stream was told; NULL: nothing is under way */
	struct backoff acknowledge_backoff;

	bool is_noting;
	bool has_news;               /* something was acknowledged since the last note */
	struct stream_id trim_below; /* as far as the last look shows */
	int64_t trim_again_ms;       /* not before */
};

static void go_on(struct stream_reader *reader);
static void acknowledge(void *context);
static void note(void *context);

/* ---- beginning and end ---- */

static int64_t now_ms(const struct stream_reader *reader)
{
	return reader->ports.clock->ops->now_ms(reader->ports.clock);
}

static void set_timer(struct stream_reader *reader, struct timer *timer, int64_t delay_ms)
{
	reader->ports.clock->ops->timer_set(timer, delay_ms);
}

static void try_again(void *context)
{
	struct stream_reader *reader = context;

	reader->state = READER_RESTING;
	go_on(reader);
}

static void claim_again(void *context)
{
	struct stream_reader *reader = context;

	reader->claim_is_due = true;
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
	reader->backoff = reader->acknowledge_backoff = (struct backoff){.first_ms = 50, .cap_ms = 5000};
	in_flight_init(&reader->in_flight);
	reader->retry_timer = clock->ops->timer_new(clock, try_again, reader);
	reader->claim_timer = clock->ops->timer_new(clock, claim_again, reader);
	reader->acknowledge_timer = clock->ops->timer_new(clock, acknowledge, reader);
	reader->note_timer = clock->ops->timer_new(clock, note, reader);
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
	in_flight_release(&it->in_flight);
	free(it->name);
	free(it);
	*reader = NULL;
}

/* What a step under way brings belongs to a time that is over. */
static void lose(struct stream_reader *reader)
{
	reader->stats.is_reading = false;
}

void stream_reader_start(struct stream_reader *reader)
{
	reader->is_started = true;
	set_timer(reader, reader->note_timer, NOTE_EVERY_MS);
	go_on(reader);
}

void stream_reader_stop(struct stream_reader *reader)
{
	reader->is_started = false;
	set_timer(reader, reader->note_timer, STOP_WAIT_MS);
}

/* Whether a read may bring something still. */
static bool is_waiting_for_entries(const struct stream_reader *reader)
{
	return reader->stats.is_reading &&
	       (reader->state == READER_READING_PENDING || reader->state == READER_READING_NEW);
}

void stream_reader_pause(struct stream_reader *reader)
{
	reader->is_paused = true;
}

void stream_reader_resume(struct stream_reader *reader)
{
	reader->is_paused = false;
	go_on(reader);
}

bool stream_reader_is_idle(const struct stream_reader *reader)
{
	return !reader->in_flight.count && (reader->is_started || !is_waiting_for_entries(reader));
}

const struct stream_reader_stats *stream_reader_stats(const struct stream_reader *reader)
{
	return &reader->stats;
}

/* ---- a step failed ---- */

static void tell_not_read(struct stream_reader *reader, const char *error)
{
	/* At first, connections are being made still. */
	if (reader->is_told || reader->backoff.failures < TELL_FROM_FAILURE)
		return;
	reader->is_told = true;
	LOG(reader->ports.logger, LOG_WARN, "stream is not read, will try again", LOG_TROUBLE(LOG_REDIS),
	    LOG_TEXT("stream", reader->name), LOG_TEXT("error", error));
}

static void tell_read(struct stream_reader *reader)
{
	reader->backoff.failures = 0;
	if (!reader->is_told)
		return;
	reader->is_told = false;
	LOG(reader->ports.logger, LOG_INFO, "stream is read again", LOG_OVER(LOG_REDIS),
	    LOG_TEXT("stream", reader->name));
}

/* Whether the connection or the group was lost: from the beginning, after a while. */
static void fail(struct stream_reader *reader, const struct failure *failure)
{
	lose(reader);
	reader->read_max = STREAM_READ_FIRST; /* perhaps it was too much */
	if (reader->is_started)
		tell_not_read(reader, failure->text);
	reader->state = READER_WAITING;
	set_timer(reader, reader->retry_timer, backoff_next(&reader->backoff, reader->ports.random));
}

static void step_done(struct stream_reader *reader)
{
	reader->state = READER_RESTING;
	go_on(reader);
}

/* ---- look, open, create the group ---- */

static void to_acknowledge(struct stream_reader *reader, struct flying_entry *list);

static void lead_in(struct stream_reader *reader)
{
	reader->stats.is_reading = true;
	reader->record = reader->opening;
	/* But those of an earlier incarnation. */
	to_acknowledge(reader, in_flight_take_handled(&reader->in_flight, SIZE_MAX));
	reader->claim_is_due = reader->has_pending = reader->has_news = true;
	reader->read_up_to = (struct stream_id){0};
	step_done(reader);
}

static void on_created(void *context, const struct failure *failure)
{
	struct stream_reader *reader = context;
	char after[STREAM_ID_TEXT];

	if (failure) {
		fail(reader, failure);
		return;
	}
	stream_id_format(reader->opening.done, after);
	LOG(reader->ports.logger, LOG_INFO, "consumer group created", LOG_TEXT("stream", reader->name),
	    LOG_TEXT("after", after), LOG_NUMBER("incarnation", reader->opening.incarnation));
	lead_in(reader);
}

static void on_opened(void *context, const struct failure *failure)
{
	struct stream_reader *reader = context;
	struct stream *stream = reader->ports.stream;

	if (failure) {
		fail(reader, failure);
	} else if (reader->state == READER_OPENING) {
		lead_in(reader);
	} else {
		stream->ops->create_group(stream, reader->opening.done, on_created, reader);
	}
}

static void on_looked(void *context, const struct stream_state *state, const struct failure *failure)
{
	struct stream_reader *reader = context;
	struct logbook *logbook = reader->ports.logbook;

	if (failure) {
		fail(reader, failure);
		return;
	}
	reader->stats.pending = state->pending;
	reader->last_looked = state->last_generated;
	reader->state = state->has_group ? READER_OPENING : READER_CREATING;
	logbook->ops->open_stream(logbook, reader->name, state->last_generated, state->has_group,
				  &reader->opening, on_opened, reader);
}

static void look(struct stream_reader *reader)
{
	struct stream *stream = reader->ports.stream;

	reader->state = READER_LOOKING;
	stream->ops->look(stream, on_looked, reader);
}

/* ---- claim ---- */

static void count_lost(struct stream_reader *reader, size_t count)
{
	if (!count)
		return;
	reader->stats.lost += count;
	LOG(reader->ports.logger, LOG_ERROR, "entries lost: they were trimmed while they were pending",
	    LOG_TEXT("stream", reader->name), LOG_NUMBER("count", count));
}

static void on_claimed(void *context, const struct stream_claim *claim, const struct failure *failure)
{
	struct stream_reader *reader = context;

	if (failure) {
		fail(reader, failure);
		return;
	}
	reader->claim_is_due = false;
	set_timer(reader, reader->claim_timer, CLAIM_EVERY_MS);
	reader->stats.claimed += claim->claimed;
	count_lost(reader, claim->lost);
	if (claim->claimed) {
		reader->has_pending = true;
		reader->read_up_to = (struct stream_id){0};
	}
	step_done(reader);
}

static void claim(struct stream_reader *reader)
{
	struct stream *stream = reader->ports.stream;

	reader->state = READER_CLAIMING;
	stream->ops->claim(stream, on_claimed, reader);
}

/* ---- read: what is pending, then what is new ---- */

/* What it did is committed. */
static void on_answered(void *context, const struct delivery *delivery)
{
	struct flying_entry *entry = context;

	(void)delivery;
	to_acknowledge(entry->owner, entry);
}

static void submit(struct stream_reader *reader, const struct stream_entry *entry,
		   struct flying_entry *flying)
{
	char id[STREAM_ID_TEXT];

	stream_id_format(entry->id, id);
	reader->stats.read++;
	engine_submit(reader->ports.engine, &(struct arrival){
						    .way = WAY_STREAM,
						    .place = reader->name,
						    .entry_id = id,
						    .incarnation = flying->incarnation,
						    .id = entry->message_id,
						    .type = entry->type,
						    .defect = entry->defect,
						    .payload = entry->payload,
						    .payload_size = entry->payload_size,
						    .answered = on_answered,
						    .context = flying,
					    });
}

/* But those that are in flight. */
static void take_all(struct stream_reader *reader, const struct stream_entry *entries, size_t count)
{
	int64_t incarnation = reader->record.incarnation;
	struct flying_entry *place = NULL;
	size_t gone = 0;

	for (size_t i = 0; i < count; i++) {
		place = in_flight_place(&reader->in_flight, place, incarnation, entries[i].id);
		if (place && !flying_entry_compare(place, incarnation, entries[i].id))
			continue;
		place = in_flight_add(&reader->in_flight, place, incarnation, entries[i].id);
		place->owner = reader;
		if (entries[i].gone) {
			gone++;
			to_acknowledge(reader, place);
		} else {
			submit(reader, &entries[i], place);
		}
	}
	reader->stats.in_flight = reader->in_flight.count;
	count_lost(reader, gone);
}

/* The more there is to read, the more a read brings: units of work are as large as what waits for them. */
static void adapt_read(struct stream_reader *reader, const struct stream_entry *entries, size_t count)
{
	size_t bytes = 1, fitting;

	if (count < reader->read_max)
		return;
	for (size_t i = 0; i < count; i++)
		bytes += entries[i].payload.size;
	fitting = READ_BYTES * count / bytes;
	reader->read_max = fitting < STREAM_READ_FIRST ? STREAM_READ_FIRST
			   : fitting > STREAM_READ_MAX ? STREAM_READ_MAX
						       : fitting;
}

static void on_read(void *context, const struct stream_entry *entries, size_t count,
		    const struct failure *failure)
{
	struct stream_reader *reader = context;
	bool was_pending = reader->state == READER_READING_PENDING;

	if (failure) {
		fail(reader, failure);
		acknowledge(reader);
		return;
	}
	reader->state = READER_RESTING;
	/* Else it began before something was lost: what it brings is pending, and comes again. */
	if (reader->stats.is_reading) {
		tell_read(reader);
		take_all(reader, entries, count);
		adapt_read(reader, entries, count);
		reader->has_pending = was_pending && count;
		if (was_pending && count)
			reader->read_up_to = entries[count - 1].id;
	}
	acknowledge(reader); /* which waited for what was pending */
	go_on(reader);
}

static void read_pending(struct stream_reader *reader)
{
	struct stream *stream = reader->ports.stream;

	reader->state = READER_READING_PENDING;
	stream->ops->read_pending(stream, reader->read_up_to, on_read, reader);
}

static void read_new(struct stream_reader *reader)
{
	struct stream *stream = reader->ports.stream;

	reader->state = READER_READING_NEW;
	stream->ops->read_new(stream, reader->read_max, on_read, reader);
}

/* ---- the next step ---- */

static void go_on(struct stream_reader *reader)
{
	if (reader->state != READER_RESTING || !reader->is_started || reader->is_paused)
		return;
	if (!reader->stats.is_reading) {
		if (!reader->is_noting) /* which looks, too */
			look(reader);
	} else if (reader->claim_is_due) {
		claim(reader);
	} else if (!reader->has_pending) {
		read_new(reader);
	} else if (!reader->acknowledging) {
		/* Else it might bring what is forgotten by the time it arrives. */
		read_pending(reader);
	}
}

/* ---- acknowledge ---- */

static void forget(struct stream_reader *reader, struct flying_entry *entry)
{
	in_flight_forget(&reader->in_flight, entry);
	reader->stats.in_flight = reader->in_flight.count;
}

/* An earlier incarnation's entries have ids that this one's may have, too: nothing is said of them. */
static void to_acknowledge(struct stream_reader *reader, struct flying_entry *list)
{
	for (struct flying_entry *entry = list, *next; entry; entry = next) {
		next = entry->next_to_acknowledge;
		if (entry->incarnation == reader->record.incarnation)
			in_flight_push_handled(&reader->in_flight, entry);
		else
			forget(reader, entry);
	}
	/* All of this turn of the loop goes in one call. */
	if (reader->in_flight.handled && !reader->acknowledge_backoff.failures)
		set_timer(reader, reader->acknowledge_timer, 0);
}

static void on_acknowledged(void *context, const struct failure *failure)
{
	struct stream_reader *reader = context;
	struct flying_entry *list = reader->acknowledging;

	reader->acknowledging = NULL;
	if (failure && failure->kind != FAILURE_CONFLICT) {
		int64_t delay_ms = backoff_next(&reader->acknowledge_backoff, reader->ports.random);

		to_acknowledge(reader, list);
		set_timer(reader, reader->acknowledge_timer, delay_ms);
		go_on(reader);
		return;
	}
	if (failure) /* without the group they are pending for nobody */
		lose(reader);
	reader->acknowledge_backoff.failures = 0;
	reader->has_news = true;
	for (struct flying_entry *entry = list, *next; entry; entry = next) {
		next = entry->next_to_acknowledge;
		reader->stats.acknowledged += !failure;
		forget(reader, entry);
	}
	go_on(reader);
	acknowledge(reader);
}

static void acknowledge(void *context)
{
	struct stream_reader *reader = context;
	struct stream *stream = reader->ports.stream;
	struct stream_id ids[ACKNOWLEDGE_MAX];
	size_t count = 0;

	if (!reader->in_flight.handled || reader->acknowledging || reader->state == READER_READING_PENDING)
		return;
	reader->acknowledging = in_flight_take_handled(&reader->in_flight, ACKNOWLEDGE_MAX);
	for (const struct flying_entry *it = reader->acknowledging; it; it = it->next_to_acknowledge)
		ids[count++] = it->id;
	stream->ops->acknowledge(stream, ids, count, on_acknowledged, reader);
}

/* ---- note how far it is done, and trim what is old ---- */

static void noted(struct stream_reader *reader)
{
	reader->is_noting = false;
	go_on(reader);
}

/* What is not trimmed now is trimmed later. */
static void on_trimmed(void *context, const struct failure *failure)
{
	(void)failure;
	noted(context);
}

static void trim(struct stream_reader *reader)
{
	struct stream *stream = reader->ports.stream;

	reader->trim_again_ms = now_ms(reader) + TRIM_EVERY_MS;
	if (stream_id_compare(reader->trim_below, (struct stream_id){0}) > 0)
		stream->ops->trim(stream, reader->trim_below, on_trimmed, reader);
	else
		noted(reader);
}

static void on_marked(void *context, const struct failure *failure)
{
	struct stream_reader *reader = context;

	reader->has_news = reader->has_news || failure;
	if (now_ms(reader) >= reader->trim_again_ms)
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
	return !state->has_group || stream_id_compare(state->last_generated, reader->last_looked) < 0;
}

static void on_looked_again(void *context, const struct stream_state *state, const struct failure *failure)
{
	struct stream_reader *reader = context;
	struct logbook *logbook = reader->ports.logbook;
	struct stream_record record = reader->record;

	if (failure || !reader->stats.is_reading || is_lost(reader, state)) {
		reader->has_news = true;
		if (!failure)
			lose(reader);
		noted(reader);
		return;
	}
	reader->stats.pending = state->pending;
	reader->last_looked = state->last_generated;
	reader->trim_below = lowest_to_keep(reader, state);
	record.done = state->done;
	logbook->ops->mark_stream(logbook, reader->name, &record, state->last_generated, on_marked, reader);
}

static void note(void *context)
{
	struct stream_reader *reader = context;
	struct stream *stream = reader->ports.stream;

	if (!reader->is_started) {
		lose(reader); /* what comes now stays pending */
		return;
	}
	set_timer(reader, reader->note_timer, NOTE_EVERY_MS);
	if (!reader->stats.is_reading || reader->is_noting ||
	    !(reader->has_news || now_ms(reader) >= reader->trim_again_ms))
		return;
	reader->is_noting = true;
	reader->has_news = false;
	stream->ops->look(stream, on_looked_again, reader);
}
