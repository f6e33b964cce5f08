/* The publisher's calls of the database: reading the cursors and the outbox, and saving the cursors. */
#include "bus/publishing/publisher.h"

#include "bus/base/backoff.h"
#include "bus/publishing/partition_sender.h"
#include "core/base/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* While the queues hold more than this, rows are not queued but read from the outbox later. */
#define MEMORY_MAX ((size_t)8 * 1024 * 1024)

#define READ_ROWS     500
#define READ_BYTES    ((size_t)1024 * 1024)
#define SAVE_AFTER_MS 200

/*
 * A row that is unpublished for this long was abandoned by the worker that committed it: a healthy worker
 * publishes it, and saves its cursor, sooner.
 */
#define CHECK_EVERY_MS 1000

struct publisher {
	const struct publisher_ports *ports;
	struct engine_stats *stats;
	struct partition_senders senders;
	bool started;     /* the cursors were read */
	bool is_compared; /* the database has all that the broker published, as far as is known */
	bool needs_no_broker;
	bool is_doubted; /* by a lane: it may be another server by now */

	/* The store has one call at a time. */
	bool store_busy;
	bool check_is_due;
	bool is_doubtful;          /* a call failed, and the cursors were not read since */
	bool check_again;          /* the next check takes over all unpublished rows, */
	bool checks_for_all;       /* and so does the one under way, */
	bool checks_doubt;         /* which tells on which timeline the doubted server is */
	struct outbox_state state; /* being read */
	struct outbox_range range; /* being read */
	struct cursor saving[PARTITIONS];
	size_t saving_count;

	struct progress_watch database;
	struct backoff backoff;
	bool waits;
	struct timer *retry, *save_timer, *check_timer;
	bool save_is_scheduled, save_due;

	void (*on_idle)(void *context);
	void *idle_context;
	void (*restored_changed)(void *context);
	void *restored_context;
	void (*compared)(void *context);
	void *compared_context;
};

static void pump(void *publisher);

/* ---- beginning and end ---- */

static void retry(void *context)
{
	struct publisher *publisher = context;

	publisher->waits = false;
	pump(publisher);
}

static void save_now(void *context)
{
	struct publisher *publisher = context;

	publisher->save_is_scheduled = false;
	publisher->save_due = true;
	pump(publisher);
}

static void check_now(void *context)
{
	struct publisher *publisher = context;

	publisher->check_is_due = true;
	pump(publisher);
}

struct publisher *publisher_new(const struct publisher_ports *ports, struct engine_stats *stats)
{
	struct publisher *publisher = must_alloc(sizeof *publisher);
	struct clock *clock = ports->clock;

	publisher->ports = ports;
	publisher->stats = stats;
	publisher->backoff = (struct backoff){.first_ms = 50, .cap_ms = 1000};
	publisher->retry = clock->ops->timer_new(clock, retry, publisher);
	publisher->save_timer = clock->ops->timer_new(clock, save_now, publisher);
	publisher->check_timer = clock->ops->timer_new(clock, check_now, publisher);
	partition_senders_init(&publisher->senders, ports, stats, pump, publisher);
	return publisher;
}

void publisher_free(struct publisher **publisher)
{
	struct publisher *it = *publisher;
	const struct clock_ops *clock;

	if (!it)
		return;
	clock = it->ports->clock->ops;
	partition_senders_release(&it->senders);
	arena_free(&it->range.arena);
	clock->timer_free(&it->retry);
	clock->timer_free(&it->save_timer);
	clock->timer_free(&it->check_timer);
	free(it);
	*publisher = NULL;
}

void publisher_start(struct publisher *publisher)
{
	publisher_check_again(publisher);
}

void publisher_retry_now(struct publisher *publisher)
{
	if (publisher->waits)
		publisher->ports->clock->ops->timer_set(publisher->retry, 0);
}

const struct progress_watch *publisher_database_watch(const struct publisher *publisher)
{
	return &publisher->database;
}

const struct progress_watch *publisher_events_watch(const struct publisher *publisher)
{
	return &publisher->senders.watch;
}

void publisher_check_again(struct publisher *publisher)
{
	publisher->check_again = true;
	pump(publisher);
}

/* ---- a lane has committed rows ---- */

static struct partition_progress *progress_of(struct publisher *publisher, int partition)
{
	return &publisher->senders.each[partition].progress;
}

/*
 * Rows of another epoch or timeline than the cursors' are left to be read: those of an earlier epoch were
 * written anew when the outbox was renewed, and those of an earlier timeline may be lost.
 */
static bool is_current(const struct publisher *publisher, const struct unit_of_work *uow)
{
	return uow->epoch == publisher->senders.epoch && !strcmp(uow->timeline, publisher->senders.timeline);
}

void publisher_add(struct publisher *publisher, const struct unit_of_work *uow)
{
	const struct outbox_row *rows = uow->outbox;

	for (size_t i = 0; i < uow->outbox_count; i++) {
		bool has_room = is_current(publisher, uow) &&
				partition_senders_footprint(&publisher->senders) < MEMORY_MAX;

		partition_progress_add_committed(progress_of(publisher, rows[i].partition), &rows[i],
						 has_room, &publisher->ports->maker);
	}
	pump(publisher);
}

/* ---- reading the cursors ---- */

static int64_t now_ms(const struct publisher *publisher)
{
	return publisher->ports->clock->ops->now_ms(publisher->ports->clock);
}

static void begin_call(struct publisher *publisher)
{
	publisher->store_busy = true;
	progress_watch_begin(&publisher->database, now_ms(publisher));
}

static void note_success(struct publisher *publisher)
{
	publisher->backoff.failures = 0;
	progress_watch_done(&publisher->database);
}

static void store_failed(struct publisher *publisher, const struct failure *failure, const char *message)
{
	struct clock *clock = publisher->ports->clock;

	progress_watch_failed(&publisher->database, now_ms(publisher), failure->text);
	LOG(publisher->ports->logger, LOG_WARN, message, LOG_TROUBLE(LOG_DATABASE),
	    LOG_TEXT("error", failure->text));
	/*
	 * The database may have been restored from a backup: its cursors must not record what an earlier
	 * incarnation published.
	 */
	publisher->is_doubtful = publisher->check_is_due = true;
	publisher->waits = true;
	clock->ops->timer_set(publisher->retry, backoff_next(&publisher->backoff, publisher->ports->random));
}

static void set_restored(struct publisher *publisher, bool restored)
{
	if (publisher->stats->restored == restored)
		return;
	publisher->stats->restored = restored;
	publisher->restored_changed(publisher->restored_context);
}

/* Positions of an earlier incarnation of the database are meaningless in this one. */
static void begin_incarnation(struct publisher *publisher)
{
	if (publisher->started)
		LOG(publisher->ports->logger, LOG_WARN,
		    "the outbox was renewed: publishing resumes from the database's cursors",
		    LOG_TEXT("incarnation", publisher->state.incarnation));
	publisher->started = true;
	publisher->is_compared = false;
	set_restored(publisher, false);
	partition_senders_begin(&publisher->senders, &publisher->state);
}

/* Without a new incarnation the broker's fences would refuse everything that this database publishes next. */
static void log_restored(struct publisher *publisher, int partition)
{
	if (publisher->stats->restored)
		return;
	set_restored(publisher, true);
	LOG(publisher->ports->logger, LOG_ERROR,
	    "the broker has published more than the database knows: was the database restored from a backup? "
	    "run `allocd outbox renew`",
	    LOG_NUMBER("partition", partition),
	    LOG_NUMBER("published", progress_of(publisher, partition)->expected),
	    LOG_NUMBER("head", publisher->state.heads[partition]));
}

static void update_progress(struct publisher *publisher)
{
	const struct outbox_state *state = &publisher->state;

	for (int i = 0; i < PARTITIONS; i++) {
		struct partition_progress *progress = progress_of(publisher, i);

		partition_progress_checked(progress, state->cursors[i], state->heads[i],
					   publisher->checks_for_all);
		if (progress->restored)
			log_restored(publisher, i);
	}
}

/* A standby was promoted, say, which may lack what was committed, and published, last. */
static void follow_timeline(struct publisher *publisher)
{
	if (!strcmp(publisher->senders.timeline, publisher->state.timeline) &&
	    !strcmp(publisher->senders.system, publisher->state.system))
		return;
	LOG(publisher->ports->logger, LOG_INFO,
	    "the database's server is on another timeline: events are committed once the outbox is compared "
	    "with what was published",
	    LOG_TEXT("timeline", publisher->state.timeline));
	publisher->is_compared = false;
	partition_senders_compare(&publisher->senders, &publisher->state);
}

static bool is_same_incarnation(const struct publisher *publisher)
{
	return publisher->started && !strcmp(publisher->senders.incarnation, publisher->state.incarnation);
}

static void on_cursors_read(void *context, const struct failure *failure)
{
	struct publisher *publisher = context;

	publisher->store_busy = false;
	if (failure) {
		publisher->check_again |= publisher->checks_for_all;
		store_failed(publisher, failure, "cannot read the outbox's cursors, will try again");
	} else {
		note_success(publisher);
		publisher->is_doubtful = false;
		if (publisher->checks_doubt)
			publisher->is_doubted = false;
		if (!is_same_incarnation(publisher)) {
			begin_incarnation(publisher);
		} else {
			update_progress(publisher);
			follow_timeline(publisher);
		}
		publisher->ports->clock->ops->timer_set(publisher->check_timer, CHECK_EVERY_MS);
	}
	publisher->checks_for_all = false;
	pump(publisher);
}

static void check_cursors(struct publisher *publisher)
{
	struct outbox_store *store = publisher->ports->outbox_store;

	publisher->checks_for_all = publisher->check_again;
	publisher->checks_doubt = publisher->is_doubted;
	publisher->check_is_due = publisher->check_again = false;
	for (int i = 0; i < PARTITIONS; i++)
		partition_progress_begin_check(progress_of(publisher, i));
	begin_call(publisher);
	store->ops->read_cursors(store, &publisher->state, on_cursors_read, publisher);
}

/* ---- reading missing rows from the outbox ---- */

static void on_read(void *context, const struct failure *failure)
{
	struct publisher *publisher = context;

	publisher->store_busy = false;
	if (failure) {
		store_failed(publisher, failure, "cannot read the outbox, will try again");
	} else {
		note_success(publisher);
		/* In another epoch the outbox was renewed, and its fences are others. */
		if (publisher->range.epoch == publisher->senders.epoch)
			partition_progress_add_read(progress_of(publisher, publisher->range.partition),
						    &publisher->range, &publisher->ports->maker);
		else
			publisher->check_is_due = true;
	}
	arena_free(&publisher->range.arena);
	pump(publisher);
}

static struct partition_sender *sender_with_missing_rows(struct publisher *publisher)
{
	for (int i = 0; i < PARTITIONS; i++) {
		struct partition_sender *sender = &publisher->senders.each[i];

		if (!sender->call && partition_progress_missing(&sender->progress))
			return sender;
	}
	return NULL;
}

static void read_missing(struct publisher *publisher, const struct partition_sender *sender)
{
	struct outbox_store *store = publisher->ports->outbox_store;
	size_t count = partition_progress_missing(&sender->progress);

	publisher->range = (struct outbox_range){
		.partition = sender->partition,
		.after = sender->progress.published,
		.rows_max = count < READ_ROWS ? count : READ_ROWS,
		.bytes_max = READ_BYTES,
		.arena = arena_new(READ_BYTES / 16),
	};
	begin_call(publisher);
	store->ops->read_outbox(store, &publisher->range, on_read, publisher);
}

/* ---- saving the cursors ---- */

/* The cursors of those partitions that moved by `at_least` rows since they were saved. */
static size_t find_moved(const struct publisher *publisher, uint32_t partitions, int64_t at_least,
			 struct cursor *cursors)
{
	size_t count = 0;

	for (int i = 0; i < PARTITIONS && !publisher->is_doubtful; i++) {
		const struct partition_progress *progress = &publisher->senders.each[i].progress;

		if ((partitions >> i & 1) && progress->published >= progress->saved + at_least &&
		    !progress->restored)
			cursors[count++] = (struct cursor){i, progress->published, publisher->senders.epoch};
	}
	return count;
}

size_t publisher_cursors(const struct publisher *publisher, uint32_t partitions, struct cursor *cursors)
{
	return find_moved(publisher, partitions, SAVE_WITH_FLUSH, cursors);
}

void publisher_cursors_saved(struct publisher *publisher, const struct cursor *cursors, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (cursors[i].epoch == publisher->senders.epoch)
			partition_progress_was_saved(progress_of(publisher, cursors[i].partition),
						     cursors[i].position);
	}
}

static void on_saved(void *context, const struct failure *failure)
{
	struct publisher *publisher = context;

	publisher->store_busy = false;
	if (failure) {
		publisher->save_due = true;
		store_failed(publisher, failure, "cannot save the outbox's cursors, will try again");
	} else {
		note_success(publisher);
		publisher_cursors_saved(publisher, publisher->saving, publisher->saving_count);
	}
	pump(publisher);
}

static void save(struct publisher *publisher)
{
	struct outbox_store *store = publisher->ports->outbox_store;

	publisher->save_due = false;
	publisher->saving_count = find_moved(publisher, ALL_PARTITIONS, 1, publisher->saving);
	if (!publisher->saving_count)
		return;
	begin_call(publisher);
	store->ops->save_cursors(store, publisher->saving, publisher->saving_count, on_saved, publisher);
}

bool publisher_is_idle(const struct publisher *publisher)
{
	for (int i = 0; i < PARTITIONS; i++) {
		if (!partition_progress_is_settled(&publisher->senders.each[i].progress))
			return false;
	}
	return publisher->started && !publisher->check_again && !publisher->checks_for_all;
}

void publisher_on_idle(struct publisher *publisher, void (*on_idle)(void *context), void *context)
{
	publisher->on_idle = on_idle;
	publisher->idle_context = context;
}

void publisher_on_restored(struct publisher *publisher, void (*changed)(void *context), void *context)
{
	publisher->restored_changed = changed;
	publisher->restored_context = context;
}

void publisher_doubt_database(struct publisher *publisher)
{
	publisher->is_doubted = publisher->check_is_due = true;
	publisher->is_compared = publisher->checks_doubt = false;
	publisher_retry_now(publisher);
	pump(publisher);
}

bool publisher_timeline(const struct publisher *publisher, char timeline[TIMELINE_SIZE])
{
	memcpy(timeline, publisher->senders.timeline, TIMELINE_SIZE);
	return publisher->is_compared;
}

void publisher_on_compared(struct publisher *publisher, void (*compared)(void *context), bool needs_no_broker,
			   void *context)
{
	publisher->needs_no_broker = needs_no_broker;
	publisher->compared = compared;
	publisher->compared_context = context;
}

/* ---- the next steps ---- */

/* Whether the broker published more rows than the database is known to have committed. */
static bool broker_claims_more(const struct publisher *publisher)
{
	for (int i = 0; i < PARTITIONS; i++) {
		const struct partition_progress *progress = &publisher->senders.each[i].progress;

		if (progress->claimed && !progress->restored)
			return true;
	}
	return false;
}

static void pump_store(struct publisher *publisher)
{
	struct partition_sender *missing;

	if (publisher->store_busy || publisher->waits)
		return;
	if (publisher->check_is_due || publisher->check_again || broker_claims_more(publisher)) {
		check_cursors(publisher);
		return;
	}
	if (publisher->save_due)
		save(publisher);
	missing = sender_with_missing_rows(publisher);
	if (missing && !publisher->store_busy)
		read_missing(publisher, missing);
}

static void schedule_save(struct publisher *publisher)
{
	struct cursor cursors[PARTITIONS];

	if (publisher->save_is_scheduled || publisher->save_due ||
	    !find_moved(publisher, ALL_PARTITIONS, 1, cursors))
		return;
	publisher->save_is_scheduled = true;
	publisher->ports->clock->ops->timer_set(publisher->save_timer, SAVE_AFTER_MS);
}

/* Whether the broker is away, or refuses what it is asked. */
static bool does_without_broker(const struct publisher *publisher)
{
	return publisher->needs_no_broker && !publisher->stats->broker_takes;
}

static void note_compared(struct publisher *publisher)
{
	if (!publisher->started || publisher->is_compared || publisher->is_doubted ||
	    (!partition_senders_are_compared(&publisher->senders) && !does_without_broker(publisher)))
		return;
	publisher->is_compared = true;
	publisher->compared(publisher->compared_context);
}

static void pump(void *context)
{
	struct publisher *publisher = context;

	if (publisher->started)
		partition_senders_pump(&publisher->senders);
	pump_store(publisher);
	schedule_save(publisher);
	note_compared(publisher);
	partition_senders_count_unpublished(&publisher->senders);
	if (publisher->on_idle && publisher_is_idle(publisher))
		publisher->on_idle(publisher->idle_context);
}
