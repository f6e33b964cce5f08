/* From the outbox to the broker, in the order things happen. */
#include "bus/publisher.h"

#include "bus/backoff.h"
#include "core/must.h"

#include <assert.h>
#include <stdlib.h>

/* More than this in memory, and later rows are left to be read back. */
#define MEMORY_MAX ((size_t)8 * 1024 * 1024)

#define READ_ROWS     500
#define READ_BYTES    ((size_t)1024 * 1024)
#define SAVE_AFTER_MS 200

/* What somebody committed who cannot publish it any more is found by looking. */
#define LOOK_EVERY_MS 10000

/* How often a trouble with the broker that lasts is told. */
#define TELL_EVERY_MS 10000

/* Rows that wait in memory, each with its events decoded. */
struct waiting_row {
	struct waiting_row *next;
	struct arena *arena; /* holds the row itself */
	int64_t position;
	size_t size;
	struct outgoing *events;
	size_t event_count;
};

struct line {
	struct publisher *publisher;
	int partition;
	int64_t published; /* the broker took everything up to here */
	int64_t saved;     /* and the database knows it up to here */
	int64_t queued;    /* rows up to here are in memory or published */
	int64_t committed; /* rows up to here are known to be committed */

	struct waiting_row *first, *last;
	/* What the broker has now; it lives in `sending`. */
	struct arena *sending;
	int64_t sending_to;
	struct publication publication;
	bool refused; /* the broker did not take what it was given last */
};

struct publisher {
	const struct engine_ports *ports;
	struct engine_stats *stats;
	struct line lines[PARTITIONS];
	bool started; /* the database told how far each partition is */
	size_t memory;

	/* The store does one thing at a time. */
	bool store_busy;
	bool look_again;
	struct outbox_state state; /* being read */
	struct outbox_range range; /* being read */
	struct cursor saving[PARTITIONS];
	size_t saving_count;

	struct backoff store_backoff, broker_backoff;
	bool store_waits, broker_waits;
	struct timer *store_retry, *broker_retry, *save_timer, *look_timer;
	bool save_due;

	/* The broker's trouble, as long as it refuses somebody. */
	size_t lines_refused;
	int64_t refused_since_ms, told_at_ms;

	void (*on_idle)(void *context);
	void *idle_context;
};

static void pump(struct publisher *publisher);

/* ---- beginning and end ---- */

static void store_may_try(void *context)
{
	struct publisher *publisher = context;

	publisher->store_waits = false;
	pump(publisher);
}

static void broker_may_try(void *context)
{
	struct publisher *publisher = context;

	publisher->broker_waits = false;
	pump(publisher);
}

static void save_now(void *context)
{
	struct publisher *publisher = context;

	publisher->save_due = true;
	pump(publisher);
}

static void look_now(void *context)
{
	publisher_look_again(context);
}

struct publisher *publisher_new(const struct engine_ports *ports, struct engine_stats *stats)
{
	struct publisher *publisher = must_alloc(sizeof *publisher);
	struct clock *clock = ports->clock;

	publisher->ports = ports;
	publisher->stats = stats;
	stats->broker_takes = true;
	publisher->store_backoff = (struct backoff){.first_ms = 50, .cap_ms = 5000};
	publisher->broker_backoff = (struct backoff){.first_ms = 50, .cap_ms = 1000};
	publisher->store_retry = clock->ops->timer_new(clock, store_may_try, publisher);
	publisher->broker_retry = clock->ops->timer_new(clock, broker_may_try, publisher);
	publisher->save_timer = clock->ops->timer_new(clock, save_now, publisher);
	publisher->look_timer = clock->ops->timer_new(clock, look_now, publisher);
	for (int i = 0; i < PARTITIONS; i++)
		publisher->lines[i] = (struct line){.publisher = publisher, .partition = i};
	return publisher;
}

static void drop_first(struct publisher *publisher, struct line *line)
{
	struct waiting_row *row = line->first;
	struct arena *arena = row->arena;

	line->first = row->next;
	if (!line->first)
		line->last = NULL;
	publisher->memory -= row->size;
	arena_free(&arena);
}

void publisher_free(struct publisher **publisher)
{
	struct publisher *it = *publisher;
	const struct clock_ops *clock;

	if (!it)
		return;
	clock = it->ports->clock->ops;
	for (int i = 0; i < PARTITIONS; i++) {
		while (it->lines[i].first)
			drop_first(it, &it->lines[i]);
		arena_free(&it->lines[i].sending);
	}
	arena_free(&it->range.arena);
	clock->timer_free(&it->store_retry);
	clock->timer_free(&it->broker_retry);
	clock->timer_free(&it->save_timer);
	clock->timer_free(&it->look_timer);
	free(it);
	*publisher = NULL;
}

void publisher_start(struct publisher *publisher)
{
	publisher->look_again = true;
	pump(publisher);
}

void publisher_look_again(struct publisher *publisher)
{
	publisher->look_again = true;
	pump(publisher);
}

/* ---- rows come in, from a lane or from the table ---- */

static void enqueue(struct publisher *publisher, struct line *line, const struct outbox_row *row)
{
	struct arena *arena = arena_new(sizeof(struct waiting_row) + row->frame.size + 512);
	struct waiting_row *waiting = arena_alloc(arena, sizeof *waiting);
	struct bytes frame = {arena_copy(arena, row->frame.data, row->frame.size), row->frame.size};

	waiting->arena = arena;
	waiting->position = row->position;
	waiting->size = row->frame.size;
	if (!outbox_frame_decode(arena, frame, &waiting->events, &waiting->event_count))
		LOG(publisher->ports->logger, LOG_ERROR,
		    "outbox row is damaged: its events are not published",
		    LOG_NUMBER("partition", line->partition), LOG_NUMBER("position", row->position));
	if (line->last)
		line->last->next = waiting;
	else
		line->first = waiting;
	line->last = waiting;
	line->queued = row->position;
	publisher->memory += waiting->size;
}

static void note_committed(struct publisher *publisher, struct line *line, int64_t position)
{
	if (position <= line->committed)
		return;
	publisher->stats->unpublished += (size_t)(position - line->committed);
	line->committed = position;
}

void publisher_take(struct publisher *publisher, const struct outbox_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct line *line = &publisher->lines[rows[i].partition];

		if (!publisher->started) {
			publisher->look_again =
				true; /* the look that is under way may have been too early to find it */
			continue;
		}
		if (rows[i].position == line->queued + 1 && publisher->memory < MEMORY_MAX)
			enqueue(publisher, line, &rows[i]);
		note_committed(publisher, line, rows[i].position);
	}
	pump(publisher);
}

/* ---- the database is asked: how far is each partition, and which rows are missing ---- */

static void store_failed(struct publisher *publisher, const struct failure *failure, const char *what)
{
	struct clock *clock = publisher->ports->clock;

	LOG(publisher->ports->logger, LOG_WARN, "outbox: trouble with the database", LOG_TEXT("doing", what),
	    LOG_TEXT("error", failure->text));
	publisher->store_waits = true;
	clock->ops->timer_set(publisher->store_retry,
			      backoff_next(&publisher->store_backoff, publisher->ports->random));
}

/* The database knows better how far it was published: by an earlier run, or by somebody else. */
static void adopt_cursor(struct publisher *publisher, struct line *line, int64_t cursor)
{
	if (cursor <= line->published || line->first || line->sending)
		return;
	note_committed(publisher, line, cursor);
	publisher->stats->unpublished -= (size_t)(cursor - line->published);
	line->published = line->saved = line->queued = cursor;
}

static void on_looked(void *context, const struct failure *failure)
{
	struct publisher *publisher = context;

	publisher->store_busy = false;
	if (failure) {
		publisher->look_again = true;
		store_failed(publisher, failure, "read cursors");
		pump(publisher);
		return;
	}
	publisher->store_backoff.failures = 0;
	for (int i = 0; i < PARTITIONS; i++) {
		adopt_cursor(publisher, &publisher->lines[i], publisher->state.cursors[i]);
		note_committed(publisher, &publisher->lines[i], publisher->state.heads[i]);
	}
	publisher->started = true;
	publisher->ports->clock->ops->timer_set(publisher->look_timer, LOOK_EVERY_MS);
	pump(publisher);
}

static void look(struct publisher *publisher)
{
	struct store *store = publisher->ports->publisher_store;

	publisher->look_again = false;
	publisher->store_busy = true;
	store->ops->read_cursors(store, &publisher->state, on_looked, publisher);
}

static void on_read(void *context, const struct failure *failure)
{
	struct publisher *publisher = context;
	struct outbox_range *range = &publisher->range;
	struct line *line = &publisher->lines[range->partition];

	publisher->store_busy = false;
	if (failure) {
		store_failed(publisher, failure, "read outbox");
	} else {
		publisher->store_backoff.failures = 0;
		for (size_t i = 0; i < range->row_count; i++) {
			if (range->rows[i].position == line->queued + 1)
				enqueue(publisher, line, &range->rows[i]);
		}
		note_committed(publisher, line, range->head);
	}
	arena_free(&range->arena);
	pump(publisher);
}

static struct line *line_with_gap(struct publisher *publisher)
{
	for (int i = 0; i < PARTITIONS; i++) {
		struct line *line = &publisher->lines[i];

		if (line->queued < line->committed && !line->first && !line->sending)
			return line;
	}
	return NULL;
}

static void read_gap(struct publisher *publisher, const struct line *line)
{
	struct store *store = publisher->ports->publisher_store;

	publisher->range = (struct outbox_range){
		.partition = line->partition,
		.after = line->queued,
		.rows_max = READ_ROWS,
		.bytes_max = READ_BYTES,
		.arena = arena_new(READ_BYTES / 16),
	};
	publisher->store_busy = true;
	store->ops->read_outbox(store, &publisher->range, on_read, publisher);
}

/* ---- the broker takes them ---- */

static int64_t now_ms(const struct publisher *publisher)
{
	return publisher->ports->clock->ops->now_ms(publisher->ports->clock);
}

static void tell_refused(struct publisher *publisher, const char *error)
{
	publisher->told_at_ms = now_ms(publisher);
	LOG(publisher->ports->logger, LOG_WARN, "events are not published yet", LOG_TEXT("error", error));
}

static void note_refused(struct publisher *publisher, struct line *line, const char *error)
{
	publisher->stats->publish_failures++;
	publisher->stats->broker_takes = false;
	if (!line->refused && !publisher->lines_refused++) {
		tell_refused(publisher, error);
		publisher->refused_since_ms = publisher->told_at_ms;
	} else if (now_ms(publisher) - publisher->told_at_ms >= TELL_EVERY_MS) {
		tell_refused(publisher, error);
	}
	line->refused = true;
}

static void note_taken(struct publisher *publisher, struct line *line)
{
	if (!line->refused)
		return;
	line->refused = false;
	if (--publisher->lines_refused)
		return;
	publisher->stats->broker_takes = true;
	LOG(publisher->ports->logger, LOG_INFO, "events are published again",
	    LOG_NUMBER("after_ms", now_ms(publisher) - publisher->refused_since_ms));
}

static void try_broker_later(struct publisher *publisher)
{
	struct clock *clock = publisher->ports->clock;

	if (publisher->broker_waits)
		return;
	publisher->broker_waits = true;
	clock->ops->timer_set(publisher->broker_retry,
			      backoff_next(&publisher->broker_backoff, publisher->ports->random));
}

static void on_published(void *context, const struct published *published, const struct failure *failure)
{
	struct line *line = context;
	struct publisher *publisher = line->publisher;

	arena_free(&line->sending);
	if (failure) {
		note_refused(publisher, line, failure->text);
		try_broker_later(publisher);
		pump(publisher);
		return;
	}
	note_taken(publisher, line);
	publisher->broker_backoff.failures = 0;
	publisher->stats->published += published->events;
	publisher->stats->unpublished -= (size_t)(line->sending_to - line->published);
	line->published = line->sending_to;
	while (line->first && line->first->position <= line->published)
		drop_first(publisher, line);
	publisher->ports->clock->ops->timer_set(publisher->save_timer, SAVE_AFTER_MS);
	pump(publisher);
}

/* All that waits in a partition goes out in one call. */
static void send(struct publisher *publisher, struct line *line)
{
	struct broker *broker = publisher->ports->broker;
	struct outgoing_row *rows;
	size_t count = 0, at = 0;

	for (const struct waiting_row *row = line->first; row; row = row->next)
		count++;
	line->sending = arena_new(count * sizeof *rows + 64);
	rows = arena_alloc(line->sending, count * sizeof *rows);
	for (const struct waiting_row *row = line->first; row; row = row->next)
		rows[at++] = (struct outgoing_row){row->position, row->events, row->event_count};
	line->sending_to = line->last->position;
	line->publication = (struct publication){.incarnation = publisher->state.incarnation,
						 .partition = line->partition,
						 .known = line->published,
						 .rows = rows,
						 .row_count = count};
	broker->ops->publish(broker, &line->publication, on_published, line);
}

/* ---- how far it came is saved ---- */

size_t publisher_cursors(const struct publisher *publisher, size_t lane, size_t lanes, struct cursor *cursors)
{
	size_t count = 0;

	for (size_t i = lane; i < PARTITIONS; i += lanes) {
		const struct line *line = &publisher->lines[i];

		if (line->published > line->saved)
			cursors[count++] = (struct cursor){line->partition, line->published};
	}
	return count;
}

void publisher_cursors_saved(struct publisher *publisher, const struct cursor *cursors, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct line *line = &publisher->lines[cursors[i].partition];

		if (cursors[i].position > line->saved)
			line->saved = cursors[i].position;
	}
}

static void on_saved(void *context, const struct failure *failure)
{
	struct publisher *publisher = context;

	publisher->store_busy = false;
	if (failure) {
		publisher->save_due = true;
		store_failed(publisher, failure, "save cursors");
	} else {
		publisher->store_backoff.failures = 0;
		publisher_cursors_saved(publisher, publisher->saving, publisher->saving_count);
	}
	pump(publisher);
}

static void save(struct publisher *publisher)
{
	struct store *store = publisher->ports->publisher_store;

	publisher->save_due = false;
	publisher->saving_count = publisher_cursors(publisher, 0, 1, publisher->saving);
	if (!publisher->saving_count)
		return;
	publisher->store_busy = true;
	store->ops->save_cursors(store, publisher->saving, publisher->saving_count, on_saved, publisher);
}

bool publisher_is_idle(const struct publisher *publisher)
{
	for (int i = 0; i < PARTITIONS; i++) {
		if (publisher->lines[i].saved < publisher->lines[i].committed)
			return false;
	}
	return publisher->started && !publisher->store_busy && !publisher->look_again;
}

void publisher_on_idle(struct publisher *publisher, void (*on_idle)(void *context), void *context)
{
	publisher->on_idle = on_idle;
	publisher->idle_context = context;
}

/* ---- whatever can go on goes on ---- */

static void pump_store(struct publisher *publisher)
{
	struct line *gap;

	if (publisher->store_busy || publisher->store_waits)
		return;
	if (publisher->look_again) {
		look(publisher);
		return;
	}
	if (publisher->save_due)
		save(publisher);
	gap = line_with_gap(publisher);
	if (gap && !publisher->store_busy)
		read_gap(publisher, gap);
}

static void pump(struct publisher *publisher)
{
	if (!publisher->broker_waits) {
		for (int i = 0; i < PARTITIONS; i++) {
			if (publisher->lines[i].first && !publisher->lines[i].sending)
				send(publisher, &publisher->lines[i]);
		}
	}
	pump_store(publisher);
	if (publisher->on_idle && publisher_is_idle(publisher))
		publisher->on_idle(publisher->idle_context);
}
