/* A hub, a stream of events in memory, and viewers whose lines keep what they are sent. */
#include "live/live_world.h"

#include "adapters/codec/codec.h"
#include "core/base/container_of.h"

#include <check.h>
#include <string.h>

#define EVENTS_MAX  20000
#define VIEWERS_MAX 40

struct live_hub *live;

/* ---- the stream of events ---- */

static struct {
	struct event_peek port;
	struct peeked_event events[EVENTS_MAX]; /* the newest last */
	size_t count;
	uint64_t later_ms;
	const char *refusal;
	bool is_counting, is_open, is_silent;
	int reads;

	event_peek_done *done; /* of the read under way */
	void *context;
	struct stream_id after, up_to;
	size_t max;
	struct task *task;
} stream;

static void answer(void *context)
{
	struct peeked_event found[EVENT_PEEK_MAX];
	struct peeked_events answer = {.events = found,
				       .added = stream.is_counting ? (int64_t)stream.count : -1};

	(void)context;
	stream.task = NULL;
	if (stream.count)
		answer.last = stream.events[stream.count - 1].id;
	for (size_t i = stream.count; i > 0 && answer.count < stream.max; i--) {
		if (stream_id_compare(stream.events[i - 1].id, stream.after) > 0 &&
		    stream_id_compare(stream.events[i - 1].id, stream.up_to) <= 0)
			found[answer.count++] = stream.events[i - 1];
	}
	stream.done(stream.context, &answer, stream.refusal);
}

static void read_stream(struct event_peek *peek, struct stream_id after, struct stream_id up_to, size_t max,
			event_peek_done *done, void *context)
{
	(void)peek;
	ck_assert_ptr_null(stream.task);
	ck_assert_uint_le(max, EVENT_PEEK_MAX);
	stream.is_open = true;
	stream.reads++;
	stream.done = done;
	stream.context = context;
	stream.after = after;
	stream.up_to = up_to;
	stream.max = max;
	if (!stream.is_silent)
		stream.task = simulation_post(http_world.simulation, 1, answer, NULL);
}

static void close_stream(struct event_peek *peek)
{
	(void)peek;
	stream.is_open = false;
	if (stream.task)
		simulation_cancel(http_world.simulation, &stream.task);
}

void stream_add(const char *sku, int count)
{
	for (int i = 0; i < count; i++) {
		char *json =
			arena_printf(http_world.arena,
				     "{\"orderid\":\"order-%zu\",\"sku\":\"%s\",\"qty\":1,\"batchref\":\"b\","
				     "\"version\":1,\"occurred_at\":\"2026-01-01T00:00:00Z\"}",
				     stream.count + 1, sku);

		ck_assert_uint_lt(stream.count, EVENTS_MAX);
		stream.events[stream.count] = (struct peeked_event){
			.id = {1700000000000 + stream.later_ms, stream.count + 1},
			.type = MSG_LINE_ALLOCATED,
			.payload = {json, strlen(json)},
		};
		stream.count++;
	}
}

void stream_forget(uint64_t later_ms)
{
	stream.later_ms += later_ms;
	stream.count = 0;
}

void stream_refuse(const char *error)
{
	stream.refusal = error;
}

void stream_is_silent(bool is_silent)
{
	stream.is_silent = is_silent;
}

void stream_counts(bool is_counting)
{
	stream.is_counting = is_counting;
}

bool stream_is_open(void)
{
	return stream.is_open;
}

struct event_peek *stream_port(void)
{
	return &stream.port;
}

int stream_reads(void)
{
	return stream.reads;
}

/* ---- viewers ---- */

static struct seen *viewers[VIEWERS_MAX];
static size_t viewer_count;

static struct seen *seen_of(struct live_line *line)
{
	return container_of(line, struct seen, line);
}

static void line_send(struct live_line *line, const char *text, size_t size)
{
	struct seen *seen = seen_of(line);

	ck_assert(!seen->is_ended);
	seen->text = realloc(seen->text, seen->size + size + 1);
	memcpy(seen->text + seen->size, text, size);
	seen->size += size;
	seen->text[seen->size] = '\0';
}

static size_t line_unsent(struct live_line *line)
{
	return seen_of(line)->unsent;
}

static bool line_is_gone(struct live_line *line)
{
	return seen_of(line)->is_gone;
}

static void line_end(struct live_line *line, bool at_once)
{
	seen_of(line)->is_ended = true;
	seen_of(line)->was_cut = at_once;
}

struct seen *watch(const struct live_request *request)
{
	static const struct live_line_ops ops = {line_send, line_unsent, line_is_gone, line_end};
	struct seen *seen = calloc(1, sizeof *seen);

	seen->line.ops = &ops;
	seen->text = calloc(1, 1);
	viewers[viewer_count++] = seen;
	live_hub_add(live, &seen->line, request);
	return seen;
}

int times_seen(const struct seen *seen, const char *text)
{
	int count = 0;

	for (const char *at = seen->text; (at = strstr(at, text)); at++)
		count++;
	return count;
}

const char *last_id_seen(const struct seen *seen)
{
	const char *last = NULL;

	for (const char *at = seen->text; (at = strstr(at, "\nid: ")); at++)
		last = at + strlen("\nid: ");
	ck_assert_ptr_nonnull(last);
	return arena_text(http_world.arena, last, strcspn(last, "\n"));
}

void forget_seen(struct seen *seen)
{
	seen->size = 0;
	seen->text[0] = '\0';
}

/* ---- the whole ---- */

void live_run_ms(int64_t ms)
{
	simulation_advance_ms(http_world.simulation, ms);
}

void set_up_live(void)
{
	static const struct event_peek_ops ops = {read_stream, close_stream};

	set_up_http();
	memset(&stream, 0, sizeof stream);
	stream.port.ops = &ops;
	stream.is_counting = true;
	viewer_count = 0;
	live = live_hub_new(&(struct live_config){
		.clock = &http_world.clock.clock,
		.sampler = http_world.sampler,
		.codec = http_world.codec,
		.to_json = codec_payload_to_line,
		.events = &stream.port,
	});
}

void tear_down_live(void)
{
	live_hub_free(&live);
	while (viewer_count > 0) {
		struct seen *seen = viewers[--viewer_count];

		free(seen->text);
		free(seen);
	}
	tear_down_http();
}
