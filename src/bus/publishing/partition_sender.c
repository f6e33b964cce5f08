/* The calls of the broker, in order. */
#include "bus/publishing/partition_sender.h"

#include "bus/tracing/tracer.h"

#include <stdio.h>

/*
 * Rows missing before the queue are nearly always about to be published by the worker that committed them:
 * the sender waits for them until it has waited this long, in waits that double, from the first one on.
 */
#define GAP_MS      100
#define GAP_WAIT_MS 2

/* How often trouble with the broker is logged while it lasts. */
#define LOG_EVERY_MS 10000

/* A broker that a new worker cannot reach for this time is in trouble, and not merely being connected. */
#define CONNECT_MS      2000
#define CONNECT_POLL_MS 20

static int64_t now_ms(const struct partition_senders *senders)
{
	return senders->ports->clock->ops->now_ms(senders->ports->clock);
}

/* ---- beginning and end ---- */

static void retry(void *context)
{
	struct partition_senders *senders = context;

	senders->waits = false;
	senders->changed(senders->context);
}

static void on_gap_wait_over(void *context)
{
	struct partition_sender *sender = context;

	sender->waits_for_others = false;
	sender->all->changed(sender->all->context);
}

void partition_senders_init(struct partition_senders *senders, const struct publisher_ports *ports,
			    struct engine_stats *stats, void (*changed)(void *context), void *context)
{
	struct clock *clock = ports->clock;

	*senders = (struct partition_senders){
		.ports = ports,
		.stats = stats,
		.backoff = {.first_ms = 50, .cap_ms = 1000},
		.retry = clock->ops->timer_new(clock, retry, senders),
		.changed = changed,
		.context = context,
	};
	senders->began_ms = now_ms(senders);
	stats->broker_takes = true;
	for (int i = 0; i < PARTITIONS; i++) {
		struct partition_sender *sender = &senders->each[i];

		sender->all = senders;
		sender->partition = i;
		sender->timer = clock->ops->timer_new(clock, on_gap_wait_over, sender);
	}
}

void partition_senders_release(struct partition_senders *senders)
{
	const struct clock_ops *clock = senders->ports->clock->ops;

	for (int i = 0; i < PARTITIONS; i++) {
		struct partition_sender *sender = &senders->each[i];

		publish_queue_release(&sender->progress.waiting);
		publish_queue_release(&sender->sent);
		arena_free(&sender->call);
		clock->timer_free(&sender->timer);
	}
	clock->timer_free(&senders->retry);
}

static void note_server(struct partition_senders *senders, const struct outbox_state *state)
{
	snprintf(senders->system, sizeof senders->system, "%s", state->system);
	snprintf(senders->timeline, sizeof senders->timeline, "%s", state->timeline);
}

void partition_senders_begin(struct partition_senders *senders, const struct outbox_state *state)
{
	snprintf(senders->incarnation, sizeof senders->incarnation, "%s", state->incarnation);
	senders->epoch = state->epoch;
	note_server(senders, state);
	for (int i = 0; i < PARTITIONS; i++) {
		struct partition_sender *sender = &senders->each[i];

		partition_progress_begin(&sender->progress, state->cursors[i], state->heads[i]);
		sender->outdated = sender->call != NULL;
		sender->marked = 0;
		sender->waited_ms = 0;
	}
}

void partition_senders_compare(struct partition_senders *senders, const struct outbox_state *state)
{
	note_server(senders, state);
	for (int i = 0; i < PARTITIONS; i++) {
		struct partition_sender *sender = &senders->each[i];

		partition_progress_compare(&sender->progress);
		sender->outdated = sender->call != NULL;
	}
}

bool partition_senders_are_compared(const struct partition_senders *senders)
{
	for (int i = 0; i < PARTITIONS; i++) {
		const struct partition_progress *progress = &senders->each[i].progress;

		if (progress->is_unasked || progress->claimed || progress->restored)
			return false;
	}
	return true;
}

/* ---- one call sends all queued rows up to a gap; the first call asks for the broker's position ---- */

static int64_t now_us(const struct partition_senders *senders)
{
	return senders->ports->clock->ops->now_us(senders->ports->clock);
}

static void on_published(void *context, const struct published *published, const struct failure *failure);

static void send(struct partition_sender *sender)
{
	const struct partition_senders *senders = sender->all;
	struct broker *broker = senders->ports->broker;
	struct outgoing_row *rows;
	size_t at = 0;

	if (!sender->progress.is_unasked)
		sender->sent = publish_queue_take_run(&sender->progress.waiting);
	sender->call = arena_new(sender->sent.count * sizeof *rows + 192);
	rows = arena_alloc(sender->call, sender->sent.count * sizeof *rows);
	for (const struct queued_row *row = sender->sent.first; row; row = row->next)
		rows[at++] = (struct outgoing_row){row->position, row->events, row->event_count};
	sender->publication = (struct publication){
		.incarnation = arena_strdup(sender->call, senders->incarnation),
		.partition = sender->partition,
		.known = sender->progress.published,
		.rows = rows,
		.row_count = sender->sent.count,
		.system = arena_strdup(sender->call, senders->system),
		.timeline = arena_strdup(sender->call, senders->timeline),
	};
	sender->sent_us = now_us(senders);
	broker->ops->publish(broker, &sender->publication, on_published, sender);
}

/* ---- the broker refuses calls, and accepts them again ---- */

static void log_refused(struct partition_senders *senders, const char *error)
{
	senders->logged_at_ms = now_ms(senders);
	LOG(senders->ports->logger, LOG_WARN, "cannot publish events, will try again",
	    LOG_TEXT("error", error), LOG_TROUBLE(LOG_REDIS));
}

/*
 * A broker that knows a newer timeline takes what others publish.  Usually this worker is about to hear of
 * it: only if that takes long it is a trouble.
 */
static void note_trouble(struct partition_senders *senders, const struct failure *failure)
{
	if (failure->kind != FAILURE_FENCED) {
		senders->stats->broker_takes = false;
		progress_watch_gave_up(&senders->watch, now_ms(senders), failure->text);
	} else if (!senders->watch.failures) {
		progress_watch_failed(&senders->watch, now_ms(senders), failure->text);
	}
}

static void note_refused(struct partition_sender *sender, const struct failure *failure)
{
	struct partition_senders *senders = sender->all;

	senders->stats->publish_failures++;
	note_trouble(senders, failure);
	if (!sender->refused && !senders->refused++) {
		log_refused(senders, failure->text);
		senders->refused_since_ms = senders->logged_at_ms;
	} else if (now_ms(senders) - senders->logged_at_ms >= LOG_EVERY_MS) {
		log_refused(senders, failure->text);
	}
	sender->refused = true;
}

static void note_accepted(struct partition_sender *sender)
{
	struct partition_senders *senders = sender->all;

	if (!sender->refused)
		return;
	sender->refused = false;
	if (--senders->refused)
		return;
	senders->stats->broker_takes = true;
	progress_watch_done(&senders->watch);
	LOG(senders->ports->logger, LOG_INFO, "events are published again",
	    LOG_NUMBER("after_ms", now_ms(senders) - senders->refused_since_ms), LOG_OVER(LOG_REDIS));
}

static void call_later(struct partition_senders *senders, int64_t ms)
{
	senders->waits = true;
	senders->ports->clock->ops->timer_set(senders->retry, ms);
}

static void try_later(struct partition_senders *senders)
{
	if (!senders->waits)
		call_later(senders, backoff_next(&senders->backoff, senders->ports->random));
}

/* ---- the broker answers ---- */

/* A call without rows only asks for the position. */
static void note_published(const struct partition_sender *sender, size_t events)
{
	struct engine_stats *stats = sender->all->stats;
	int64_t at_us = now_us(sender->all);

	if (!sender->publication.row_count)
		return;
	unit_statistics_add(&stats->by_unit, STAGE_PUBLISH, at_us - sender->sent_us);
	if (events)
		stats->published_us = at_us;
}

/* The name of all events, without their predecessors, or NULL. */
static const char *common_name(const struct publish_queue *rows)
{
	enum message_type type = MSG_NONE;

	for (const struct queued_row *row = rows->first; row; row = row->next) {
		for (size_t i = 0; i < row->event_count; i++) {
			if (row->events[i].is_predecessor)
				continue;
			if (type != MSG_NONE && row->events[i].type != type)
				return NULL;
			type = row->events[i].type;
		}
	}
	return type == MSG_NONE ? NULL : message_name(type);
}

/* The call is traced for the first row that a sampled message has caused. */
static void trace_published(const struct partition_sender *sender, size_t events)
{
	struct tracer *tracer = sender->all->ports->tracer;
	const struct queued_row *row = sender->sent.first;

	while (tracer && row && !row->cause)
		row = row->next;
	if (tracer && row && events)
		tracer->ops->events_published(tracer, &(struct publish_trace){
							      .parent = row->cause,
							      .began_us = sender->sent_us,
							      .ended_us = now_us(sender->all),
							      .event = common_name(&sender->sent),
							      .count = events,
						      });
}

/* Each wait is as long as all before it together: 2, 2, 4, 8 ms and so on, up to GAP_MS. */
static void wait_for_others(struct partition_sender *sender)
{
	int64_t wait_ms = sender->waited_ms ? sender->waited_ms : GAP_WAIT_MS;

	if (sender->waited_ms >= GAP_MS) {
		sender->progress.is_missing = true;
		sender->waited_ms = 0;
		return;
	}
	sender->waits_for_others = true;
	sender->waited_ms += wait_ms;
	sender->all->ports->clock->ops->timer_set(sender->timer, wait_ms);
}

static void on_position(struct partition_sender *sender, int64_t first, int64_t position)
{
	struct partition_progress *progress = &sender->progress;
	int64_t before = progress->published;

	partition_progress_answered(progress, position);
	if (progress->published > before)
		sender->waited_ms = 0;
	if (progress->waiting.first && progress->waiting.first->position == first && !progress->claimed)
		wait_for_others(sender);
}

static void on_published(void *context, const struct published *published, const struct failure *failure)
{
	struct partition_sender *sender = context;
	struct partition_senders *senders = sender->all;
	int64_t first = sender->sent.first ? sender->sent.first->position : 0;

	arena_free(&sender->call);
	if (failure) {
		note_refused(sender, failure);
		try_later(senders);
	} else {
		note_accepted(sender);
		senders->backoff.failures = 0;
		senders->stats->published += published->events;
		note_published(sender, published->events);
		trace_published(sender, published->events);
	}
	if (sender->outdated) {
		publish_queue_release(&sender->sent);
	} else {
		partition_progress_requeue(&sender->progress, &sender->sent);
		if (!failure)
			on_position(sender, first, published->position);
	}
	sender->outdated = false;
	senders->changed(senders->context);
}

/* ---- sending what may be sent ---- */

static void pump(struct partition_sender *sender)
{
	const struct partition_progress *progress = &sender->progress;
	bool can_go =
		progress->is_unasked || (partition_progress_is_open(progress) && !sender->waits_for_others);

	if (sender->call)
		return;
	if (can_go && !sender->all->waits)
		send(sender);
	else if (!can_go && partition_progress_is_settled(progress))
		note_accepted(sender); /* another worker published the rows */
}

static bool may_begin(const struct partition_senders *senders)
{
	const struct broker *broker = senders->ports->broker;

	return broker->ops->is_up(broker) || now_ms(senders) - senders->began_ms >= CONNECT_MS;
}

void partition_senders_pump(struct partition_senders *senders)
{
	senders->has_begun = senders->has_begun || may_begin(senders);
	if (!senders->has_begun && !senders->waits)
		call_later(senders, CONNECT_POLL_MS);
	for (int i = 0; i < PARTITIONS; i++)
		pump(&senders->each[i]);
}

size_t partition_senders_footprint(const struct partition_senders *senders)
{
	size_t footprint = 0;

	for (int i = 0; i < PARTITIONS; i++)
		footprint += senders->each[i].progress.waiting.footprint + senders->each[i].sent.footprint;
	return footprint;
}

/* ---- what is not published ---- */

/* Counts a partition that a damaged or absent row holds up, and logs when that begins and when it is over. */
static void note_damaged(struct partition_sender *sender)
{
	struct engine_stats *stats = sender->all->stats;
	struct logger *logger = sender->all->ports->logger;
	int64_t damaged = sender->progress.damaged;
	bool is_absent = damaged == sender->progress.absent;

	if (damaged) {
		stats->damaged++;
		stats->damaged_partition = sender->partition;
		stats->damaged_position = damaged;
		stats->damaged_is_absent = is_absent;
	}
	if (damaged && damaged != sender->logged_damaged)
		LOG(logger, LOG_ERROR,
		    is_absent
			    ? "an outbox row is missing: the events of its partition wait until it is restored, "
			      "for example from a backup"
			    : "an outbox row is damaged: it holds up the events of its partition until it is "
			      "repaired, for example from a backup",
		    LOG_NUMBER("partition", sender->partition), LOG_NUMBER("position", damaged));
	else if (!damaged && sender->logged_damaged)
		LOG(logger, LOG_INFO, "the damaged outbox row no longer holds up its partition",
		    LOG_NUMBER("partition", sender->partition),
		    LOG_NUMBER("position", sender->logged_damaged));
	sender->logged_damaged = damaged;
}

/*
 * When the oldest unpublished row of the partition was committed, or became known.  It may be too late by the
 * time in which the rows before it were published.
 */
static int64_t unpublished_since_us(struct partition_sender *sender)
{
	const struct partition_progress *progress = &sender->progress;

	if (progress->published >= sender->marked) {
		sender->marked = progress->owed;
		sender->marked_us = now_us(sender->all);
	}
	return sender->marked_us;
}

void partition_senders_count_unpublished(struct partition_senders *senders)
{
	struct engine_stats *stats = senders->stats;
	int64_t published = 0, since_us = INT64_MAX;

	stats->unpublished = stats->damaged = 0;
	for (int i = 0; i < PARTITIONS; i++) {
		struct partition_sender *sender = &senders->each[i];
		const struct partition_progress *progress = &sender->progress;
		size_t unpublished = partition_progress_unpublished(progress);

		stats->unpublished += unpublished;
		if (unpublished && unpublished_since_us(sender) < since_us)
			since_us = sender->marked_us;
		published += progress->published;
		if (progress->damaged || sender->logged_damaged)
			note_damaged(sender);
	}
	stats->unpublished_since_us = since_us == INT64_MAX ? 0 : since_us;
	if (published != senders->published || !stats->unpublished)
		progress_watch_moved(&senders->watch);
	if (stats->unpublished && !senders->watch.has_work)
		progress_watch_begin(&senders->watch, now_ms(senders));
	senders->published = published;
}
