/* A publisher on a real Redis, what it answered, and what a subscriber and the event stream received. */
#include "integration/redis/publisher/publisher_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The answers, in order: "a=12/3 ": call a published 3 events, and all up to 12 are published; "A ": it
 * failed.
 */
char answers[1024];
char failure_text[256];
enum failure_kind failure_kind;
int64_t failure_position;

void on_rows_published(void *context, const struct published *published, const struct failure *failure)
{
	char letter = *(const char *)context;
	size_t size = strlen(answers);

	if (!failure) {
		snprintf(answers + size, sizeof answers - size, "%c=%lld/%zu ", letter,
			 (long long)published->position, published->events);
		return;
	}
	failure_kind = failure->kind;
	failure_position = published->position;
	snprintf(failure_text, sizeof failure_text, "%s", failure->text);
	snprintf(answers + size, sizeof answers - size, "%c ", letter - 'a' + 'A');
}

/* `letters` has one letter for each call. */
bool answered(const char *letters)
{
	size_t count = 0;

	for (const char *answer = answers; *answer; answer++)
		count += *answer == ' ';
	return count >= strlen(letters);
}

/* ---- rows: "7=one,two 8= 9=!three" ---- */

static struct outgoing event_from(const char *text)
{
	static const struct outgoing kinds[] = {
		['?'] = {.type = MSG_NONE},
		['!'] = {.type = MSG_OUT_OF_STOCK},
		['<'] = {.type = MSG_LINE_DEALLOCATED, .is_predecessor = true},
	};
	bool is_plain = !strchr("?!<", *text);
	struct outgoing event = is_plain ? (struct outgoing){.type = MSG_LINE_ALLOCATED} : kinds[(int)*text];

	text += !is_plain;
	event.payload = (struct bytes){text, strlen(text)};
	return event;
}

static struct outgoing_row row_from(char *text)
{
	struct outgoing_row row = {.position = strtoll(text, &text, 10)};
	struct outgoing *events = NULL;
	char *rest;

	for (char *name = strtok_r(text + 1, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
		events = arena_grow(world.arena, events, row.count, sizeof *events);
		events[row.count++] = event_from(name);
	}
	row.events = events;
	return row;
}

struct publication *publication_from(int64_t known, const char *text)
{
	struct publication *publication = arena_alloc(world.arena, sizeof *publication);
	struct outgoing_row *rows = NULL;
	size_t count = 0;
	char *rest;

	for (char *row = strtok_r(arena_strdup(world.arena, text), " ", &rest); row;
	     row = strtok_r(NULL, " ", &rest)) {
		rows = arena_grow(world.arena, rows, count, sizeof *rows);
		rows[count++] = row_from(row);
	}
	*publication = (struct publication){
		.incarnation = "one", .partition = 3, .known = known, .rows = rows, .row_count = count};
	return publication;
}

void submit_rows(struct redis_publisher *publisher, const struct publication *publication, const char *letter)
{
	struct broker *broker = redis_publisher_broker(publisher);
	char *context = (char *)(uintptr_t)letter;
	size_t before = strlen(answers);

	broker->ops->publish(broker, publication, on_rows_published, context);
	ck_assert_uint_eq(strlen(answers), before);
}

/* Publishes the rows as a publisher that knows everything up to `known` to be published. */
void publish_rows(const char *letter, int64_t known, const char *rows)
{
	submit_rows(world.publisher, publication_from(known, rows), letter);
}

/* The same, and waits for the answer. */
const char *publish_now(const char *letter, int64_t known, const char *rows)
{
	answers[0] = '\0';
	publish_rows(letter, known, rows);
	run_until(answered("a"));
	return answers;
}

/* Makes rows of one event each, whose payload is a letter and zeros. */
struct publication *large_rows(const size_t *sizes, size_t count)
{
	struct publication *publication = arena_alloc(world.arena, sizeof *publication);
	struct outgoing_row *rows = arena_alloc(world.arena, count * sizeof *rows);
	struct outgoing *events = arena_alloc(world.arena, count * sizeof *events);

	for (size_t i = 0; i < count; i++) {
		char *payload = arena_alloc(world.arena, sizes[i]);

		payload[0] = (char)('a' + i);
		events[i] = (struct outgoing){.type = MSG_LINE_ALLOCATED, .payload = {payload, sizes[i]}};
		rows[i] = (struct outgoing_row){(int64_t)i + 1, &events[i], 1};
	}
	*publication = (struct publication){.incarnation = "one", .rows = rows, .row_count = count};
	return publication;
}

/* ---- the world ---- */

redisContext *listener;

/* All that subscribers received until now, "one two "; valid until the next call. */
const char *events_heard(void)
{
	static char text[4096];
	redisReply *reply;

	text[0] = '\0';
	redisAppendCommand(listener, "PING end");
	for (;;) {
		ck_assert_int_eq(redisGetReply(listener, (void **)&reply), REDIS_OK);
		if (!strcmp(reply->element[0]->str, "pong"))
			break;
		if (!strcmp(reply->element[0]->str, "message"))
			snprintf(text + strlen(text), sizeof text - strlen(text), "%s ",
				 reply->element[2]->str);
		freeReplyObject(reply);
	}
	freeReplyObject(reply);
	return text;
}

void hear_events(const char *channels)
{
	listener = server_control(&world.server);
	freeReplyObject(redisCommand(listener, arena_printf(world.arena, "SUBSCRIBE %s", channels)));
	events_heard();
}

static bool is_anything_heard(void)
{
	redisReply *channels = redisCommand(world.control, "PUBSUB CHANNELS p:*");
	bool is_heard = channels->elements;

	freeReplyObject(channels);
	return is_heard;
}

void hear_nothing(void)
{
	redisFree(listener);
	listener = NULL;
	run_until(!is_anything_heard());
}

void use_stream(void)
{
	redis_publisher_free(&world.publisher);
	start_publisher("events");
	run_until(publisher_is_up());
}

void publisher_setup(void)
{
	world_setup();
	memset(answers, 0, sizeof answers);
	start_server(NULL, 0);
	use_url("redis://127.0.0.1:%d", world.server.port);
	start_publisher(NULL);
	run_until(publisher_is_up());
	hear_events("p:line_allocated p:out_of_stock");
}

void publisher_teardown(void)
{
	if (listener)
		redisFree(listener);
	world_teardown();
}

/* The payloads in the event stream, in the same format. */
const char *events_kept(void)
{
	static char text[4096];
	redisReply *reply = redisCommand(world.control, "XRANGE p:events - +");

	text[0] = '\0';
	for (size_t i = 0; i < reply->elements; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s ",
			 reply->element[i]->element[1]->element[3]->str);
	freeReplyObject(reply);
	return text;
}

long long script_calls(void)
{
	redisReply *reply = redisCommand(world.control, "INFO commandstats");
	const char *line = strstr(reply->str, "cmdstat_evalsha:calls=");
	long long calls = line ? strtoll(line + strlen("cmdstat_evalsha:calls="), NULL, 10) : 0;

	freeReplyObject(reply);
	return calls;
}

const struct redis_publisher_stats *publisher_stats(void)
{
	return redis_publisher_stats(world.publisher);
}
