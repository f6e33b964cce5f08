/*
 * Events to Redis, pipelined; answers in the order of the calls.
 *
 * Redis may refuse the stream what it lets the channels tell (it is out of memory, the key holds something
 * else).  Then the listeners would hear the same events at every repetition.  So the first call after such
 * a refusal is a probe: its first command, an XADD, goes alone, and all else waits for the answer.
 */
#include "adapters/redis/redis_publisher.h"

#include "adapters/redis/command.h"
#include "adapters/redis/refusal.h"
#include "core/must.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

/* Of a text that Redis answers with: INFO is the longest. */
#define REPLY_MAX ((size_t)16 * 1024)

/* One call of publish, from its beginning to its answer. */
struct call {
	struct call *next;
	struct redis_publisher *publisher;
	const struct publication *publication;
	struct outgoing *events; /* of all rows */
	size_t count;
	publish_done *done;
	void *context;
	size_t replies; /* that are yet to come, also to what waits for a probe; 0: it is over */
	bool failed;
	char error[REDIS_TROUBLE_MAX]; /* the first one */
};

struct redis_publisher {
	struct broker broker;
	struct redis_connection *connection;
	struct logger *logger;
	char *channels[MSG_TYPES];
	char *event_stream; /* NULL: none */

	struct call *first, *last;      /* not answered yet, oldest first */
	struct event *answering;        /* those that were over before they began */
	bool stream_refuses;            /* it refused an event and has taken none of a probe since */
	struct call *probe;             /* whose first command is under way; those after it wait */
	char logged[REDIS_TROUBLE_MAX]; /* why Redis refuses events, once it is in the log */
	struct redis_publisher_stats stats;
};

/* ---- answering, in order ---- */

static struct call *pop(struct redis_publisher *publisher)
{
	struct call *call = publisher->first;

	publisher->first = call->next;
	if (!publisher->first)
		publisher->last = NULL;
	return call;
}

static void answer(struct call *call)
{
	struct failure failure = {FAILURE_RETRY, call->error};

	struct published published = {0};

	if (!call->failed && call->publication->row_count)
		published = (struct published){
			call->publication->rows[call->publication->row_count - 1].position, call->count};
	call->done(call->context, &published, call->failed ? &failure : NULL);
	free(call->events);
	free(call);
}

/* Not those that are made meanwhile: who tries again at once must not keep the loop from turning. */
static void answer_those_over(struct redis_publisher *publisher)
{
	const struct call *newest = publisher->last;
	bool is_newest = false;

	while (!is_newest && publisher->first && !publisher->first->replies) {
		struct call *call = pop(publisher);

		is_newest = call == newest;
		answer(call);
	}
}

static void on_answering(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	answer_those_over(context);
}

static void fail(struct call *call, const char *error)
{
	if (!call->failed)
		snprintf(call->error, sizeof call->error, "%s", error);
	call->failed = true;
}

/* No reply is waited for any more. */
static void give_up(struct call *call, const char *error)
{
	call->replies = 0;
	fail(call, error);
}

/* ---- what is sent ---- */

static void append_add(struct evbuffer *commands, const char *stream, const struct outgoing *event)
{
	struct bytes add[] = {bytes_of("XADD"),
			      bytes_of(stream),
			      bytes_of("MAXLEN"),
			      bytes_of("~"),
			      bytes_of(EVENT_STREAM_LENGTH),
			      bytes_of("*"),
			      bytes_of("type"),
			      bytes_of(message_name(event->type)),
			      bytes_of("data"),
			      event->payload};

	command_append(commands, add, sizeof add / sizeof add[0]);
}

static void append_publish(struct evbuffer *commands, const char *channel, const struct outgoing *event)
{
	struct bytes publish[] = {bytes_of("PUBLISH"), bytes_of(channel), event->payload};

	command_append(commands, publish, sizeof publish / sizeof publish[0]);
}

static void on_replied(void *context, const redisReply *reply);

static void request(struct call *call, struct evbuffer *commands, size_t replies)
{
	redis_connection_request(call->publisher->connection, commands, replies, on_replied, call);
	evbuffer_free(commands);
}

static void send_probe(struct call *call)
{
	struct evbuffer *commands = must(evbuffer_new());

	call->publisher->probe = call;
	append_add(commands, call->publisher->event_stream, &call->events[0]);
	request(call, commands, 1);
}

/* For each event XADD and PUBLISH; the first XADD not again, when a probe was taken. */
static void send_events(struct call *call, bool is_probed)
{
	struct redis_publisher *publisher = call->publisher;
	struct evbuffer *commands = must(evbuffer_new());

	for (size_t i = 0; i < call->count; i++) {
		const struct outgoing *event = &call->events[i];

		if (publisher->event_stream && (i > 0 || !is_probed))
			append_add(commands, publisher->event_stream, event);
		append_publish(commands, publisher->channels[event->type], event);
	}
	request(call, commands, call->replies);
}

static void begin(struct call *call)
{
	struct redis_publisher *publisher = call->publisher;

	if (!redis_connection_is_up(publisher->connection))
		give_up(call, redis_connection_trouble(publisher->connection));
	else if (redis_connection_unsent(publisher->connection) > PUBLISHER_OUTPUT_MAX)
		give_up(call, "Redis takes events more slowly than they come");
	else if (publisher->stream_refuses && call->count)
		send_probe(call);
	else if (call->count)
		send_events(call, false);
}

/* Those that waited for the probe fare as it did. */
static void end_probe(struct redis_publisher *publisher)
{
	struct call *probe = publisher->probe;

	publisher->probe = NULL;
	if (probe->failed) {
		for (struct call *call = probe; call; call = call->next)
			give_up(call, probe->error);
		return;
	}
	publisher->stream_refuses = false;
	send_events(probe, true);
	for (struct call *call = probe->next; call; call = call->next)
		begin(call);
}

/* ---- Redis' replies ---- */

static void log_refusal(struct redis_publisher *publisher, const char *cause)
{
	if (!strcmp(cause, publisher->logged))
		return;
	snprintf(publisher->logged, sizeof publisher->logged, "%s", cause);
	LOG(publisher->logger, LOG_WARN, "Redis refuses events", LOG_TEXT("cause", cause));
}

static void take_refusal(struct redis_publisher *publisher, struct call *call, const redisReply *reply)
{
	char error[REDIS_TROUBLE_MAX];

	publisher->stats.refused++;
	refusal_describe(reply, error, sizeof error);
	fail(call, error);
	log_refusal(publisher, error);
}

/* PUBLISH answers with the number of those who heard; XADD, which goes before it, with a text. */
static void take_reply(struct redis_publisher *publisher, struct call *call, const redisReply *reply)
{
	bool is_added = publisher->event_stream && call->replies % 2 == 1;

	if (reply->type != (is_added ? REDIS_REPLY_STRING : REDIS_REPLY_INTEGER)) {
		publisher->stream_refuses = publisher->stream_refuses || is_added;
		take_refusal(publisher, call, reply);
		return;
	}
	if (is_added)
		return;
	publisher->stats.published++;
	if (reply->integer == 0)
		publisher->stats.nobody_heard++;
}

static void on_replied(void *context, const redisReply *reply)
{
	struct call *call = context;
	struct redis_publisher *publisher = call->publisher;

	if (reply) {
		call->replies--;
		take_reply(publisher, call, reply);
		if (!call->replies && !call->failed)
			publisher->logged[0] = '\0';
	} else {
		give_up(call, redis_connection_trouble(publisher->connection));
	}
	if (call == publisher->probe)
		end_probe(publisher);
	answer_those_over(publisher);
}

/* ---- the calls ---- */

static void push(struct redis_publisher *publisher, struct call *call)
{
	if (publisher->last)
		publisher->last->next = call;
	else
		publisher->first = call;
	publisher->last = call;
}

static struct outgoing *all_events(const struct publication *publication, size_t *count)
{
	struct outgoing *events = NULL;

	*count = 0;
	for (size_t i = 0; i < publication->row_count; i++)
		*count += publication->rows[i].count;
	events = must_alloc((*count + 1) * sizeof *events);
	*count = 0;
	for (size_t i = 0; i < publication->row_count; i++)
		for (size_t j = 0; j < publication->rows[i].count; j++)
			events[(*count)++] = publication->rows[i].events[j];
	return events;
}

static void publish(struct broker *port, const struct publication *publication, publish_done *done,
		    void *context)
{
	static const struct timeval at_once = {0, 0};
	struct redis_publisher *publisher = (struct redis_publisher *)port;
	struct call *call = must_alloc(sizeof *call);

	*call = (struct call){
		.publisher = publisher, .publication = publication, .done = done, .context = context};
	call->events = all_events(publication, &call->count);
	call->replies = publisher->event_stream ? 2 * call->count : call->count;
	push(publisher, call);
	if (!publisher->probe)
		begin(call);
	if (!call->replies)
		evtimer_add(publisher->answering, &at_once);
}

static bool is_up(const struct broker *port)
{
	return redis_connection_is_up(((const struct redis_publisher *)port)->connection);
}

/* ---- the connection ---- */

static void on_greeted(void *context)
{
	struct redis_publisher *publisher = context;

	redis_connection_settle(publisher->connection);
}

static void on_heard(void *context, const redisReply *reply, size_t true_size)
{
	(void)context;
	(void)reply;
	(void)true_size; /* it does not listen */
}

static void on_lost(void *context, const char *cause)
{
	(void)context;
	(void)cause; /* the calls under way were told */
}

/* ---- the whole ---- */

static char *joined(const char *prefix, const char *name)
{
	char *text;

	if (asprintf(&text, "%s%s", prefix, name) < 0)
		abort();
	return text;
}

struct redis_publisher *redis_publisher_new(const struct redis_settings *settings,
					    const struct redis_publisher_config *config)
{
	static const struct broker_ops ops = {publish, is_up};
	static const struct connection_user user = {on_greeted, on_heard, on_lost};
	struct redis_publisher *publisher = must_alloc(sizeof *publisher);

	publisher->broker.ops = &ops;
	publisher->logger = settings->logger;
	for (int type = 0; type < MSG_TYPES; type++)
		publisher->channels[type] = joined(config->prefix, message_name((enum message_type)type));
	if (config->event_stream && *config->event_stream)
		publisher->event_stream = joined(config->prefix, config->event_stream);
	publisher->answering = must(evtimer_new(settings->base, on_answering, publisher));
	publisher->connection = redis_connection_new(settings, config->name, REPLY_MAX, &user, publisher);
	return publisher;
}

void redis_publisher_free(struct redis_publisher **publisher)
{
	if (!*publisher)
		return;
	redis_connection_free(&(*publisher)->connection);
	while ((*publisher)->first) {
		struct call *call = pop(*publisher);

		free(call->events);
		free(call);
	}
	for (int type = 0; type < MSG_TYPES; type++)
		free((*publisher)->channels[type]);
	free((*publisher)->event_stream);
	event_free((*publisher)->answering);
	free(*publisher);
	*publisher = NULL;
}

struct broker *redis_publisher_broker(struct redis_publisher *publisher)
{
	return &publisher->broker;
}

const char *redis_publisher_trouble(const struct redis_publisher *publisher)
{
	return redis_connection_trouble(publisher->connection);
}

const struct redis_publisher_stats *redis_publisher_stats(const struct redis_publisher *publisher)
{
	return &publisher->stats;
}
