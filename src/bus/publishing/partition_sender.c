/* Calls of the broker, in the order things happen. */
#include "bus/publishing/partition_sender.h"

#include <stdio.h>

/* Rows before the next that waits are somebody else's to publish, for so long.  The first wait is short. */
#define GAP_MS      100
#define GAP_WAIT_MS 2

/* How often a trouble with the broker that lasts is told. */
#define TELL_EVERY_MS 10000

/* ---- beginning and end ---- */

static void retry(void *context)
{
	struct outlets *outlets = context;

	outlets->waits = false;
	outlets->changed(outlets->context);
}

static void time_was_given(void *context)
{
	struct outlet *outlet = context;

	outlet->gives_time = false;
	outlet->all->changed(outlet->all->context);
}

void outlets_init(struct outlets *outlets, const struct engine_ports *ports, struct engine_stats *stats,
		  void (*changed)(void *context), void *context)
{
	struct clock *clock = ports->clock;

	*outlets = (struct outlets){
		.ports = ports,
		.stats = stats,
		.backoff = {.first_ms = 50, .cap_ms = 1000},
		.retry = clock->ops->timer_new(clock, retry, outlets),
		.changed = changed,
		.context = context,
	};
	stats->broker_takes = true;
	for (int i = 0; i < PARTITIONS; i++) {
		struct outlet *outlet = &outlets->each[i];

		outlet->all = outlets;
		outlet->partition = i;
		outlet->timer = clock->ops->timer_new(clock, time_was_given, outlet);
	}
}

void outlets_release(struct outlets *outlets)
{
	const struct clock_ops *clock = outlets->ports->clock->ops;

	for (int i = 0; i < PARTITIONS; i++) {
		struct outlet *outlet = &outlets->each[i];

		waiting_rows_release(&outlet->line.waiting);
		waiting_rows_release(&outlet->sent);
		arena_free(&outlet->call);
		clock->timer_free(&outlet->timer);
	}
	clock->timer_free(&outlets->retry);
}

void outlets_begin(struct outlets *outlets, const struct outbox_state *state)
{
	snprintf(outlets->incarnation, sizeof outlets->incarnation, "%s", state->incarnation);
	for (int i = 0; i < PARTITIONS; i++) {
		struct outlet *outlet = &outlets->each[i];

		partition_line_begin(&outlet->line, state->cursors[i], state->heads[i]);
		outlet->outdated = outlet->call != NULL;
		outlet->given_ms = 0;
	}
}

/* ---- all that waits without a gap goes out in one call; the first one only asks ---- */

static void on_published(void *context, const struct published *published, const struct failure *failure);

static void send(struct outlet *outlet)
{
	const struct outlets *outlets = outlet->all;
	struct broker *broker = outlets->ports->broker;
	struct outgoing_row *rows;
	size_t at = 0;

	if (!outlet->line.is_unasked)
		outlet->sent = waiting_rows_take_run(&outlet->line.waiting);
	outlet->call = arena_new(outlet->sent.count * sizeof *rows + 128);
	rows = arena_alloc(outlet->call, outlet->sent.count * sizeof *rows);
	for (const struct waiting_row *row = outlet->sent.first; row; row = row->next)
		rows[at++] = (struct outgoing_row){row->position, row->events, row->event_count};
	outlet->publication = (struct publication){
		.incarnation = arena_strdup(outlet->call, outlets->incarnation),
		.partition = outlet->partition,
		.known = outlet->line.published,
		.rows = rows,
		.row_count = outlet->sent.count,
	};
	broker->ops->publish(broker, &outlet->publication, on_published, outlet);
}

/* ---- the broker refuses, and takes again ---- */

static int64_t now_ms(const struct outlets *outlets)
{
	return outlets->ports->clock->ops->now_ms(outlets->ports->clock);
}

static void tell_refused(struct outlets *outlets, const char *error)
{
	outlets->told_at_ms = now_ms(outlets);
	LOG(outlets->ports->logger, LOG_WARN, "events are not published yet", LOG_TEXT("error", error),
	    LOG_TROUBLE(LOG_REDIS));
}

static void note_refused(struct outlet *outlet, const char *error)
{
	struct outlets *outlets = outlet->all;

	outlets->stats->publish_failures++;
	outlets->stats->broker_takes = false;
	watch_gave_up(&outlets->watch, now_ms(outlets), error);
	if (!outlet->refused && !outlets->refused++) {
		tell_refused(outlets, error);
		outlets->refused_since_ms = outlets->told_at_ms;
	} else if (now_ms(outlets) - outlets->told_at_ms >= TELL_EVERY_MS) {
		tell_refused(outlets, error);
	}
	outlet->refused = true;
}

static void note_taken(struct outlet *outlet)
{
	struct outlets *outlets = outlet->all;

	if (!outlet->refused)
		return;
	outlet->refused = false;
	if (--outlets->refused)
		return;
	outlets->stats->broker_takes = true;
	watch_done(&outlets->watch);
	LOG(outlets->ports->logger, LOG_INFO, "events are published again",
	    LOG_NUMBER("after_ms", now_ms(outlets) - outlets->refused_since_ms), LOG_OVER(LOG_REDIS));
}

static void try_later(struct outlets *outlets)
{
	if (outlets->waits)
		return;
	outlets->waits = true;
	outlets->ports->clock->ops->timer_set(outlets->retry,
					      backoff_next(&outlets->backoff, outlets->ports->random));
}

/* ---- it answers ---- */

/* Each wait is as long as all before it: others are nearly always about to publish what is missing. */
static void give_time(struct outlet *outlet)
{
	int64_t wait_ms = outlet->given_ms ? outlet->given_ms : GAP_WAIT_MS;

	if (outlet->given_ms >= GAP_MS) {
		outlet->line.is_missing = true;
		outlet->given_ms = 0;
		return;
	}
	outlet->gives_time = true;
	outlet->given_ms += wait_ms;
	outlet->all->ports->clock->ops->timer_set(outlet->timer, wait_ms);
}

static void on_position(struct outlet *outlet, int64_t first, int64_t position)
{
	struct partition_line *line = &outlet->line;
	int64_t before = line->published;

	partition_line_answered(line, position);
	if (line->published > before)
		outlet->given_ms = 0;
	if (line->waiting.first && line->waiting.first->position == first && !line->claimed)
		give_time(outlet);
}

static void on_published(void *context, const struct published *published, const struct failure *failure)
{
	struct outlet *outlet = context;
	struct outlets *outlets = outlet->all;
	int64_t first = outlet->sent.first ? outlet->sent.first->position : 0;

	arena_free(&outlet->call);
	if (failure) {
		note_refused(outlet, failure->text);
		try_later(outlets);
	} else {
		note_taken(outlet);
		outlets->backoff.failures = 0;
		outlets->stats->published += published->events;
	}
	if (outlet->outdated) {
		waiting_rows_release(&outlet->sent);
	} else {
		partition_line_take_back(&outlet->line, &outlet->sent);
		if (!failure)
			on_position(outlet, first, published->position);
	}
	outlet->outdated = false;
	outlets->changed(outlets->context);
}

/* ---- whatever can go goes ---- */

static void pump(struct outlet *outlet)
{
	const struct partition_line *line = &outlet->line;
	bool can_go = line->is_unasked || (partition_line_is_open(line) && !outlet->gives_time);

	if (outlet->call)
		return;
	if (can_go && !outlet->all->waits)
		send(outlet);
	else if (!can_go && partition_line_is_settled(line))
		note_taken(outlet); /* from somebody else */
}

void outlets_pump(struct outlets *outlets)
{
	for (int i = 0; i < PARTITIONS; i++)
		pump(&outlets->each[i]);
}

size_t outlets_footprint(const struct outlets *outlets)
{
	size_t footprint = 0;

	for (int i = 0; i < PARTITIONS; i++)
		footprint += outlets->each[i].line.waiting.footprint + outlets->each[i].sent.footprint;
	return footprint;
}
