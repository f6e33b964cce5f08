/* Events to Redis, pipelined; answers in the order of the calls. */
#include "adapters/redis/redis_publisher.h"

#include "adapters/redis/command.h"
#include "adapters/redis/must.h"
#include "adapters/redis/refusal.h"

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
	publish_done *done;
	void *context;
	size_t replies; /* that are yet to come */
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

	call->done(call->context, call->failed ? &failure : NULL);
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
		call->replies = 0;
		fail(call, redis_connection_trouble(publisher->connection));
	}
	answer_those_over(publisher);
}

/* ---- the calls ---- */

static void append_event(struct redis_publisher *publisher, struct evbuffer *commands,
			 const struct outgoing *event)
{
	struct bytes publish[] = {bytes_of("PUBLISH"), bytes_of(publisher->channels[event->type]),
				  event->payload};
	struct bytes add[] = {bytes_of("XADD"), bytes_of(publisher->event_stream),   bytes_of("MAXLEN"),
			      bytes_of("~"),    bytes_of(EVENT_STREAM_LENGTH),       bytes_of("*"),
			      bytes_of("type"), bytes_of(message_name(event->type)), bytes_of("data"),
			      event->payload};

	if (publisher->event_stream)
		command_append(commands, add, sizeof add / sizeof add[0]);
	command_append(commands, publish, sizeof publish / sizeof publish[0]);
}

static void send_events(struct call *call, const struct outgoing *events, size_t count)
{
	struct redis_publisher *publisher = call->publisher;
	struct evbuffer *commands = must(evbuffer_new());

	for (size_t i = 0; i < count; i++)
		append_event(publisher, commands, &events[i]);
	call->replies = publisher->event_stream ? 2 * count : count;
	redis_connection_request(publisher->connection, commands, call->replies, on_replied, call);
	evbuffer_free(commands);
}

static struct call *push(struct redis_publisher *publisher, publish_done *done, void *context)
{
	struct call *call = must_alloc(sizeof *call);

	*call = (struct call){.publisher = publisher, .done = done, .context = context};
	if (publisher->last)
		publisher->last->next = call;
	else
		publisher->first = call;
	publisher->last = call;
	return call;
}

static void publish(struct broker *port, const struct outgoing *events, size_t count, publish_done *done,
		    void *context)
{
	static const struct timeval at_once = {0, 0};
	struct redis_publisher *publisher = (struct redis_publisher *)port;
	struct call *call = push(publisher, done, context);

	if (!redis_connection_is_up(publisher->connection))
		fail(call, redis_connection_trouble(publisher->connection));
	else if (redis_connection_unsent(publisher->connection) > PUBLISHER_OUTPUT_MAX)
		fail(call, "Redis takes events more slowly than they come");
	else if (count)
		send_events(call, events, count);
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
	while ((*publisher)->first)
		free(pop(*publisher));
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
