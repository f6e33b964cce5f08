/* Reads and renders once what all viewers get, four times a second while there are any. */
#include "entrypoints/live/live_hub.h"

#include "adapters/system/instants.h"
#include "core/base/memory_stream.h"
#include "core/base/must.h"
#include "core/base/utf8.h"
#include "entrypoints/live/live_topics.h"
#include "entrypoints/live/live_viewer.h"

#include <stdlib.h>
#include <string.h>

#define REASON_MAX 320

/* The most events of a read after one that failed, perhaps because they are too large for one reply. */
#define READ_LEAST 50

TAILQ_HEAD(live_viewers, live_viewer);

struct live_hub {
	struct live_config config;
	struct timer *timer; /* set while there are viewers */
	struct live_viewers viewers;
	struct live_statistics statistics;
	int64_t start; /* when the hub was made, in milliseconds since 1970 */
	struct live_topics topics;
	int64_t ticked_ms;

	struct live_ring *ring;
	struct stream_id last; /* every event up to here was read, or is counted as unread */
	int64_t seen;          /* how many were added up to there; negative: nothing was read yet */
	int64_t tokens;        /* thousandths of events that may be read now */
	bool is_reading;       /* a read is under way */
	bool is_read;          /* at least once since the first viewer came */
	bool is_open;          /* the port is to be closed */
	bool is_renewed;       /* the stream began anew, and none of its events was read yet */
	int64_t read_ms;       /* when the last read began */
	size_t asked, most;    /* the most events of the last read, and of the next one */
	int64_t next_read_ms;
	char refusal[REASON_MAX]; /* of the last read; "": it was answered */
};

static int64_t now_ms(const struct live_hub *hub)
{
	return hub->config.clock->ops->now_ms(hub->config.clock);
}

/* ---- viewers ---- */

static void remove_viewer(struct live_hub *hub, struct live_viewer *viewer, bool at_once)
{
	viewer->line->ops->end(viewer->line, at_once);
	TAILQ_REMOVE(&hub->viewers, viewer, entry);
	hub->statistics.viewers--;
	live_viewer_free(&viewer);
}

static void remove_gone(struct live_hub *hub)
{
	struct live_viewer *viewer = TAILQ_FIRST(&hub->viewers), *next;

	for (; viewer; viewer = next) {
		next = TAILQ_NEXT(viewer, entry);
		if (viewer->line->ops->is_gone(viewer->line))
			remove_viewer(hub, viewer, true);
	}
}

/* Before a tick sends anything: even a large reply to a read has had a moment to be received. */
static void drop_deaf(struct live_hub *hub)
{
	struct live_viewer *viewer = TAILQ_FIRST(&hub->viewers), *next;

	for (; viewer; viewer = next) {
		next = TAILQ_NEXT(viewer, entry);
		if (viewer->line->ops->unsent(viewer->line) <= LIVE_UNSENT_MAX)
			continue;
		hub->statistics.dropped++;
		remove_viewer(hub, viewer, true);
	}
}

static bool has_watchers_of_events(const struct live_hub *hub)
{
	const struct live_viewer *viewer;

	for (viewer = TAILQ_FIRST(&hub->viewers); viewer; viewer = TAILQ_NEXT(viewer, entry)) {
		if (viewer->topics & LIVE_EVENTS)
			return true;
	}
	return false;
}

/* ---- sending ---- */

static void write_availability(const struct live_hub *hub, struct live_viewer *viewer, FILE *out)
{
	bool is_refused = *hub->refusal;

	if (is_refused && !viewer->is_refusal_sent)
		live_write_reason(out, "unavailable", hub->refusal);
	else if (!is_refused && viewer->is_refusal_sent)
		live_write(out, "available", "{}");
	viewer->is_refusal_sent = is_refused;
}

static void write_events(struct live_hub *hub, struct live_viewer *viewer, FILE *out)
{
	if (!(viewer->topics & LIVE_EVENTS))
		return;
	write_availability(hub, viewer, out);
	if (hub->is_read)
		live_viewer_write_events(viewer, hub->ring, hub->start, &hub->config, now_ms(hub), out);
}

static void write_comment(struct live_hub *hub, struct live_viewer *viewer, FILE *out)
{
	if (now_ms(hub) - viewer->commented_ms < LIVE_COMMENT_MS)
		return;
	viewer->commented_ms = now_ms(hub);
	live_write_comment(out);
}

static void send_text(struct live_viewer *viewer, const char *text, size_t size)
{
	if (size)
		viewer->line->ops->send(viewer->line, text, size);
}

static void send_to(struct live_hub *hub, struct live_viewer *viewer)
{
	char *text;
	size_t size;
	FILE *out = memory_stream_open(&text, &size);

	write_comment(hub, viewer, out);
	write_events(hub, viewer, out);
	fclose(out);
	send_text(viewer, text, size);
	free(text);
}

static void send_to_all(struct live_hub *hub)
{
	struct live_viewer *viewer;

	for (viewer = TAILQ_FIRST(&hub->viewers); viewer; viewer = TAILQ_NEXT(viewer, entry))
		send_to(hub, viewer);
}

/* Rendered once for all viewers. */
static void send_topic(struct live_hub *hub, enum live_topic topic)
{
	struct live_viewer *viewer;
	size_t size;
	char *text;
	FILE *out = memory_stream_open(&text, &size);

	live_topics_write_change(&hub->topics, topic, now_ms(hub), out);
	fclose(out);
	for (viewer = TAILQ_FIRST(&hub->viewers); viewer; viewer = TAILQ_NEXT(viewer, entry)) {
		if (viewer->topics & topic)
			send_text(viewer, text, size);
	}
	free(text);
}

/* ---- reading events ---- */

/* The stream was deleted, or Redis started empty: some of the old one's events may not have been read. */
static void begin_anew(struct live_hub *hub)
{
	hub->seen = -1;
	hub->is_renewed = true;
}

/* How many events between the last one that was seen and those that were found are missing. */
static int64_t unread_before(struct live_hub *hub, const struct peeked_events *found)
{
	bool is_first = hub->seen < 0, is_all = found->count < hub->asked;
	int64_t seen = is_first ? 0 : hub->seen + (int64_t)found->count;
	int64_t unread = found->added > seen ? found->added - seen : 0;

	hub->seen = seen + unread;
	if (hub->is_renewed)
		return LIVE_UNKNOWN;
	if (is_first || is_all)
		return 0;
	return found->added < 0 ? LIVE_UNKNOWN : unread;
}

static void add_events(struct live_hub *hub, const struct peeked_events *found)
{
	int64_t unread = unread_before(hub, found);

	for (size_t i = found->count; i > 0; i--) {
		live_ring_add(hub->ring, &found->events[i - 1], unread);
		unread = 0;
	}
	if (!found->count)
		return;
	hub->last = found->events[0].id;
	hub->is_renewed = false;
}

static void on_found(void *context, const struct peeked_events *found, const char *error)
{
	struct live_hub *hub = context;

	hub->is_reading = false;
	hub->most = error ? READ_LEAST : 2 * hub->most < EVENT_PEEK_MAX ? 2 * hub->most : EVENT_PEEK_MAX;
	if (error) {
		utf8_format(hub->refusal, sizeof hub->refusal, "%s", error);
		hub->next_read_ms = now_ms(hub) + LIVE_REFUSED_MS;
	} else if (stream_id_compare(found->last, hub->last) < 0) {
		/* A new stream with lower ids is read from its beginning. */
		hub->last = (struct stream_id){0};
		begin_anew(hub);
	} else {
		/* One with higher ids, which is the rule, has all of its events after the last id. */
		if (found->added >= 0 && found->added < hub->seen)
			begin_anew(hub);
		hub->refusal[0] = '\0';
		hub->tokens -= 1000 * (int64_t)found->count;
		add_events(hub, found);
		hub->is_read = true;
	}
	send_to_all(hub);
}

static void read_events(struct live_hub *hub)
{
	struct event_peek *events = hub->config.events;

	if (!events || hub->is_reading || now_ms(hub) < hub->next_read_ms || hub->tokens < 1000)
		return;
	hub->is_reading = hub->is_open = true;
	hub->read_ms = now_ms(hub);
	hub->asked = (size_t)(hub->tokens / 1000);
	if (hub->asked > hub->most)
		hub->asked = hub->most;
	events->ops->read(events, hub->last, STREAM_ID_MAX, hub->asked, on_found, hub);
}

static void give_up_read(struct live_hub *hub)
{
	if (!hub->is_reading || now_ms(hub) - hub->read_ms < LIVE_READ_MS)
		return;
	hub->config.events->ops->close(hub->config.events);
	on_found(hub, NULL, "the stream of events gives no answer");
}

static void stop_reading(struct live_hub *hub)
{
	if (hub->is_open)
		hub->config.events->ops->close(hub->config.events);
	hub->is_open = hub->is_reading = hub->is_read = false;
	hub->next_read_ms = 0;
	hub->refusal[0] = '\0';
}

/* ---- time ---- */

static void refill(struct live_hub *hub)
{
	int64_t elapsed_ms = now_ms(hub) - hub->ticked_ms;
	struct live_viewer *viewer;

	hub->ticked_ms += elapsed_ms;
	hub->tokens = live_refilled(hub->tokens, elapsed_ms, LIVE_READ_PER_S);
	for (viewer = TAILQ_FIRST(&hub->viewers); viewer; viewer = TAILQ_NEXT(viewer, entry))
		viewer->tokens = live_refilled(viewer->tokens, elapsed_ms, LIVE_SEND_PER_S);
}

static void on_tick(void *context)
{
	struct live_hub *hub = context;

	remove_gone(hub);
	drop_deaf(hub);
	refill(hub);
	give_up_read(hub);
	if (has_watchers_of_events(hub))
		read_events(hub);
	else
		stop_reading(hub);
	send_topic(hub, LIVE_STATUS);
	send_topic(hub, LIVE_DEAD_LETTERS);
	send_topic(hub, LIVE_JOBS);
	send_to_all(hub);
	if (!TAILQ_EMPTY(&hub->viewers))
		hub->config.clock->ops->timer_set(hub->timer, LIVE_TICK_MS);
}

/* ---- a new viewer ---- */

/* The viewer resumes after what it has received, unless that is too long ago. */
static void resume(const struct live_hub *hub, struct live_viewer *viewer, const char *last_id, FILE *out)
{
	struct live_id id;

	viewer->next = hub->ring->first;
	if (!last_id || !(viewer->topics & LIVE_EVENTS))
		return;
	if (live_id_parse(last_id, &id) && id.start == hub->start && id.number + 1 >= hub->ring->first &&
	    id.number < hub->ring->end) {
		viewer->next = id.number + 1;
		viewer->id_sent = id.number;
		viewer->is_new = false;
	} else {
		live_write_reason(out, "gap",
				  "events since the last one that was received may be missing: this worker "
				  "does not have them any more, or another worker had sent them");
	}
}

static const char *why_no_events(const struct live_hub *hub, const struct live_request *request)
{
	if (!(request->topics & LIVE_EVENTS))
		return NULL;
	return request->withheld     ? request->withheld
	       : !hub->config.events ? "there is no stream of events: ALLOCD_EVENT_STREAM is empty"
				     : NULL;
}

static void greet(struct live_hub *hub, struct live_viewer *viewer, const struct live_request *request)
{
	const char *reason = why_no_events(hub, request);
	size_t size;
	char *text;
	FILE *out = memory_stream_open(&text, &size);

	live_write_retry(out);
	if (reason) {
		viewer->topics &= ~(unsigned)LIVE_EVENTS;
		live_write_reason(out, "unavailable", reason);
	}
	resume(hub, viewer, request->last_id, out);
	live_topics_write(&hub->topics, viewer->topics, out);
	fclose(out);
	send_text(viewer, text, size);
	free(text);
}

void live_hub_add(struct live_hub *hub, struct live_line *line, const struct live_request *request)
{
	struct live_viewer *viewer = live_viewer_new(line, request, now_ms(hub));

	if (TAILQ_EMPTY(&hub->viewers)) {
		hub->ticked_ms = now_ms(hub);
		live_topics_begin(&hub->topics, now_ms(hub));
		hub->tokens = LIVE_READ_PER_S * 1000;
		hub->config.clock->ops->timer_set(hub->timer, LIVE_TICK_MS);
	}
	TAILQ_INSERT_TAIL(&hub->viewers, viewer, entry);
	hub->statistics.viewers++;
	greet(hub, viewer, request);
	if (viewer->topics & LIVE_EVENTS)
		read_events(hub);
}

/* ---- its life ---- */

struct live_hub *live_hub_new(const struct live_config *config)
{
	struct live_hub *hub = must_alloc(sizeof *hub);

	hub->config = *config;
	hub->topics.sampler = config->sampler;
	hub->start = wall_clock_us() / 1000;
	hub->seen = -1;
	hub->most = EVENT_PEEK_MAX;
	hub->ring = live_ring_new();
	TAILQ_INIT(&hub->viewers);
	hub->timer = config->clock->ops->timer_new(config->clock, on_tick, hub);
	return hub;
}

void live_hub_show_jobs(struct live_hub *hub, const struct job_table *jobs)
{
	hub->topics.jobs = jobs;
}

void live_hub_stop(struct live_hub *hub)
{
	struct live_viewer *viewer;

	while ((viewer = TAILQ_FIRST(&hub->viewers)))
		remove_viewer(hub, viewer, viewer->line->ops->unsent(viewer->line) > 0);
	stop_reading(hub);
	hub->config.clock->ops->timer_stop(hub->timer);
}

void live_hub_free(struct live_hub **place)
{
	struct live_hub *hub = *place;

	if (!hub)
		return;
	live_hub_stop(hub);
	hub->config.clock->ops->timer_free(&hub->timer);
	live_ring_free(&hub->ring);
	free(hub);
	*place = NULL;
}

const struct live_statistics *live_hub_statistics(struct live_hub *hub)
{
	remove_gone(hub);
	return &hub->statistics;
}
