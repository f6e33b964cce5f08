/* A call sends its rows to the script in portions; without memory in Redis, it bypasses the fence. */
#include "adapters/redis/publisher/redis_publisher.h"

#include "adapters/redis/protocol/redis_error.h"
#include "adapters/redis/protocol/resp_writer.h"
#include "adapters/redis/publisher/fence.h"
#include "adapters/system/instants.h"
#include "core/base/must.h"
#include "core/base/utf8.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

/* The most bytes of a text in a reply; the longest is INFO's. */
#define REPLY_MAX ((size_t)16 * 1024)

/* Redis must have memory for this long before the log reports the trouble as over. */
#define MEMORY_STAYS_MS 1000

/* The events that were sent without the fence, of which each gets a reply. */
struct unfenced {
	const struct outgoing **events;
	size_t count, replied;
	bool is_heard; /* the event of the last reply, under one of its names that are replied to */
};

/* One call of publish, until it is answered. */
struct publisher_call {
	struct publisher_call *next;
	struct redis_publisher *publisher;
	const struct publication *publication;
	publish_done *done;
	void *context;

	size_t first, end;          /* the rows that were sent and are not answered */
	struct published published; /* according to the replies so far */
	bool is_loaded_again;       /* the script was loaded again for this call */
	int64_t unfenced_to;        /* the position of the last row that was sent without the fence */
	struct unfenced unfenced;
	char error[REDIS_TROUBLE_MAX];
	struct event *ending; /* fails a call that was not sent; else NULL */
};

struct redis_publisher {
	struct broker broker;
	struct event_base *base;
	struct redis_connection *connection;
	struct logger *logger;
	void (*up)(void *context);
	void *context;

	struct fence fence;
	struct publisher_call *calls; /* unanswered ones */

	char refusal_logged[REDIS_TROUBLE_MAX]; /* the refusal of events that the log has */
	bool is_out_of_memory;                  /* according to the log */
	int64_t out_of_memory_ms;               /* when Redis last said so */
	char signal_refusal[REDIS_TROUBLE_MAX]; /* why Redis refused the last signal; empty: it did not */
	struct redis_publisher_stats stats;
};

static void send_rows(struct publisher_call *call);
static void count_rows(struct publisher_call *call, int64_t after, int64_t up_to, enum event_result result);
static void on_rows_answered(void *context, const redisReply *reply);
static void on_ending(evutil_socket_t fd, short what, void *context);

/* ---- the log ---- */

static void log_refusal(struct redis_publisher *publisher, const char *cause)
{
	if (!strcmp(cause, publisher->refusal_logged))
		return;
	utf8_format(publisher->refusal_logged, sizeof publisher->refusal_logged, "%s", cause);
	LOG(publisher->logger, LOG_WARN, "Redis refuses events", LOG_TROUBLE(LOG_REDIS),
	    LOG_TEXT("error", cause));
}

static void note_no_memory(struct redis_publisher *publisher)
{
	publisher->out_of_memory_ms = monotonic_ms();
	if (publisher->is_out_of_memory)
		return;
	publisher->is_out_of_memory = true;
	LOG(publisher->logger, LOG_WARN,
	    "Redis is out of memory: events are published without the fence, and not added to the event stream",
	    LOG_TEXT("advice", "raise its maxmemory, or let keys expire"));
}

static void note_memory(struct redis_publisher *publisher)
{
	if (!publisher->is_out_of_memory || monotonic_ms() - publisher->out_of_memory_ms < MEMORY_STAYS_MS)
		return;
	publisher->is_out_of_memory = false;
	LOG(publisher->logger, LOG_INFO, "Redis has memory again: events go out behind the fence",
	    LOG_NUMBER("unfenced", publisher->stats.unfenced));
}

/* ---- the end of a call ---- */

static void call_free(struct publisher_call *call)
{
	struct publisher_call **link = &call->publisher->calls;

	while (*link != call)
		link = &(*link)->next;
	*link = call->next;
	if (call->ending)
		event_free(call->ending);
	free(call->unfenced.events);
	free(call);
}

static void answer(struct publisher_call *call)
{
	bool is_fenced = !strncmp(call->error, FENCED, strlen(FENCED));
	struct failure failure = {is_fenced ? FAILURE_FENCED : FAILURE_RETRY, call->error};

	if (*call->error)
		count_rows(call, call->published.position, INT64_MAX, EVENT_FAILED);
	call->done(call->context, &call->published, *call->error ? &failure : NULL);
	call_free(call);
}

static void fail(struct publisher_call *call, const char *error)
{
	utf8_format(call->error, sizeof call->error, "%s", error);
	answer(call);
}

/* Fails the call from the event loop, because `done` must not be called before publish returns. */
static void fail_soon(struct publisher_call *call, const char *error)
{
	static const struct timeval at_once = {0, 0};

	utf8_format(call->error, sizeof call->error, "%s", error);
	call->ending = must(evtimer_new(call->publisher->base, on_ending, call));
	evtimer_add(call->ending, &at_once);
}

static void on_ending(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	answer(context);
}

static void refuse(struct publisher_call *call)
{
	call->publisher->stats.refused++;
	log_refusal(call->publisher, call->error);
	answer(call);
}

/* ---- the next rows ---- */

static void continue_call(struct publisher_call *call)
{
	const struct publication *publication = call->publication;

	call->publisher->refusal_logged[0] = '\0';
	if (call->end > 0 && call->published.position < publication->rows[call->end - 1].position) {
		call->publisher->stats.gaps++;
		answer(call);
	} else if (call->end == publication->row_count) {
		answer(call);
	} else {
		call->first = call->end;
		send_rows(call);
	}
}

static void count(struct publisher_call *call, size_t events, size_t unheard)
{
	call->published.events += events;
	call->publisher->stats.published += events;
	call->publisher->stats.unheard += unheard;
}

static void read_unheard(const redisReply *names, bool unheard[MSG_TYPES])
{
	for (size_t i = 0; names && i < names->elements; i++) {
		if (names->element[i]->type == REDIS_REPLY_STRING)
			unheard[message_type_named(names->element[i]->str)] = true;
	}
}

/* Whether no subscriber received the event at `at`, under its own name and those that it replaced. */
static bool is_unheard(const struct outgoing_row *row, size_t at, const bool unheard[MSG_TYPES])
{
	do {
		if (!unheard[row->events[at].type])
			return false;
		at++;
	} while (at < row->count && row->events[at].is_predecessor);
	return true;
}

/* Returns 1 for an event that no subscriber received, but not for its predecessors. */
static size_t count_event(struct event_statistics *statistics, const struct outgoing_row *row, size_t at,
			  const bool unheard[MSG_TYPES])
{
	const struct outgoing *event = &row->events[at];

	statistics->counts[event->type][unheard[event->type] ? EVENT_UNHEARD : EVENT_PUBLISHED]++;
	return !event->is_predecessor && is_unheard(row, at, unheard);
}

/* The script published the last events of the rows up to its fence. */
static void count_published(struct publisher_call *call, const struct fence_answer *answer)
{
	bool unheard[MSG_TYPES] = {false};
	size_t left = answer->events, unheard_count = 0;

	read_unheard(answer->unheard, unheard);
	for (size_t i = call->end; i > call->first && left; i--) {
		const struct outgoing_row *row = &call->publication->rows[i - 1];

		for (size_t at = row->count; row->position <= answer->position && at > 0 && left; at--) {
			if (row->events[at - 1].type == MSG_NONE)
				continue;
			unheard_count += count_event(&call->publisher->stats.by_event, row, at - 1, unheard);
			left--;
		}
	}
	count(call, answer->events, unheard_count);
}

static void count_rows(struct publisher_call *call, int64_t after, int64_t up_to, enum event_result result)
{
	const struct publication *publication = call->publication;

	for (size_t i = 0; i < publication->row_count; i++) {
		const struct outgoing_row *row = &publication->rows[i];

		for (size_t at = 0; row->position > after && row->position <= up_to && at < row->count; at++)
			call->publisher->stats.by_event.counts[row->events[at].type][result]++;
	}
}

/* ---- without the fence, while Redis has no memory to move it ---- */

static void end_unfenced(struct publisher_call *call)
{
	count_rows(call, call->published.position, call->unfenced_to, EVENT_UNFENCED);
	call->published.position = call->unfenced_to;
	continue_call(call);
}

/* The last reply is about an event that was published. */
static void count_unfenced(struct publisher_call *call, bool is_heard)
{
	struct unfenced *unfenced = &call->unfenced;
	const struct outgoing *next =
		unfenced->replied < unfenced->count ? unfenced->events[unfenced->replied] : NULL;
	bool is_last_name = !next || !next->is_predecessor;

	unfenced->is_heard = unfenced->is_heard || is_heard;
	count(call, 1, is_last_name && !unfenced->is_heard);
	call->publisher->stats.unfenced++;
}

static void on_unfenced_replied(void *context, const redisReply *reply)
{
	struct publisher_call *call = context;
	struct unfenced *unfenced = &call->unfenced;

	if (!reply) {
		fail(call, redis_connection_trouble(call->publisher->connection));
		return;
	}
	if (!unfenced->events[unfenced->replied++]->is_predecessor)
		unfenced->is_heard = false;
	if (reply->type == REDIS_REPLY_INTEGER)
		count_unfenced(call, reply->integer > 0);
	else if (!*call->error)
		redis_error_describe(reply, call->error, sizeof call->error);
	if (unfenced->replied < unfenced->count)
		return;
	if (*call->error)
		refuse(call);
	else
		end_unfenced(call);
}

static void append_publish(struct evbuffer *commands, const char *prefix, const char *channel,
			   struct bytes payload)
{
	char *name = must_printf("%s%s", prefix, channel);

	resp_append_command(commands, (struct bytes[]){bytes_of("PUBLISH"), bytes_of(name), payload}, 3);
	free(name);
}

static void append_publishes(struct publisher_call *call, const struct outgoing_row *row,
			     struct evbuffer *commands)
{
	struct unfenced *unfenced = &call->unfenced;

	unfenced->events = must(
		reallocarray(unfenced->events, unfenced->count + row->count + 1, sizeof *unfenced->events));
	for (size_t i = 0; i < row->count; i++) {
		if (row->events[i].type == MSG_NONE)
			continue;
		append_publish(commands, call->publisher->fence.prefix, message_name(row->events[i].type),
			       row->events[i].payload);
		unfenced->events[unfenced->count++] = &row->events[i];
	}
}

/* Sends the rows that the script would have published. */
static void send_unfenced(struct publisher_call *call)
{
	struct evbuffer *commands = must(evbuffer_new());

	call->unfenced_to = call->published.position;
	call->unfenced.count = call->unfenced.replied = 0;
	for (size_t i = call->first; i < call->end; i++) {
		const struct outgoing_row *row = &call->publication->rows[i];

		if (row->position != call->unfenced_to + 1)
			continue;
		append_publishes(call, row, commands);
		call->unfenced_to = row->position;
	}
	if (call->unfenced.count)
		redis_connection_request(call->publisher->connection, commands, call->unfenced.count,
					 on_unfenced_replied, call);
	else
		end_unfenced(call);
	evbuffer_free(commands);
}

/* ---- the script ---- */

static void load_script(struct redis_publisher *publisher, connection_replied *loaded)
{
	struct bytes load[] = {bytes_of("SCRIPT"), bytes_of("LOAD"), bytes_of(fence_script)};
	struct evbuffer *commands = must(evbuffer_new());

	resp_append_command(commands, load, sizeof load / sizeof load[0]);
	redis_connection_request(publisher->connection, commands, 1, loaded, publisher);
	evbuffer_free(commands);
}

static void on_loaded_again(void *context, const redisReply *reply)
{
	(void)context;
	(void)reply; /* the script's reply shows whether it was loaded */
}

static void send_rows(struct publisher_call *call)
{
	struct redis_publisher *publisher = call->publisher;
	struct evbuffer *commands = must(evbuffer_new());

	call->end = fence_append(commands, &publisher->fence, call->publication, call->first,
				 call->published.position);
	redis_connection_request(publisher->connection, commands, 1, on_rows_answered, call);
	evbuffer_free(commands);
}

static void on_rows_answered(void *context, const redisReply *reply)
{
	struct publisher_call *call = context;
	struct fence_answer answer;

	if (!reply) {
		fail(call, redis_connection_trouble(call->publisher->connection));
		return;
	}
	if (redis_error_is(reply, "NOSCRIPT") && !call->is_loaded_again) {
		/* Redis no longer has the script (SCRIPT FLUSH): load it again. */
		call->is_loaded_again = true;
		load_script(call->publisher, on_loaded_again);
		send_rows(call);
		return;
	}
	answer = fence_answer_of(reply, call->published.position);
	count_published(call, &answer);
	call->published.position = answer.position;
	if (!answer.refusal) {
		note_memory(call->publisher);
		continue_call(call);
	} else if (redis_error_is(answer.refusal, "OOM")) {
		note_no_memory(call->publisher);
		send_unfenced(call);
	} else {
		redis_error_describe(answer.refusal, call->error, sizeof call->error);
		refuse(call);
	}
}

/* ---- the beginning of a call ---- */

static void publish(struct broker *port, const struct publication *publication, publish_done *done,
		    void *context)
{
	struct redis_publisher *publisher = (struct redis_publisher *)port;
	struct publisher_call *call = must_alloc(sizeof *call);

	*call = (struct publisher_call){.next = publisher->calls,
					.publisher = publisher,
					.publication = publication,
					.done = done,
					.context = context,
					.published.position = publication->known};
	publisher->calls = call;
	if (!redis_publisher_is_up(publisher))
		fail_soon(call, redis_publisher_trouble(publisher));
	else if (redis_connection_unsent(publisher->connection) > PUBLISHER_OUTPUT_MAX)
		fail_soon(call, "Redis takes events more slowly than they come");
	else
		send_rows(call);
}

static bool is_up(const struct broker *port)
{
	return redis_publisher_is_up((const struct redis_publisher *)port);
}

/* ---- signals ---- */

static void on_signal_replied(void *context, const redisReply *reply)
{
	struct redis_publisher *publisher = context;
	bool was_refused = *publisher->signal_refusal;

	if (!reply)
		return;
	publisher->signal_refusal[0] = '\0';
	if (reply->type == REDIS_REPLY_INTEGER)
		return;
	redis_error_describe(reply, publisher->signal_refusal, sizeof publisher->signal_refusal);
	if (!was_refused)
		LOG(publisher->logger, LOG_WARN, "Redis refuses signals", LOG_TROUBLE(LOG_REDIS),
		    LOG_TEXT("error", publisher->signal_refusal));
}

void redis_publisher_signal(struct redis_publisher *publisher, const char *channel, struct bytes payload)
{
	struct evbuffer *commands;

	if (!redis_publisher_is_up(publisher) ||
	    redis_connection_unsent(publisher->connection) > PUBLISHER_OUTPUT_MAX)
		return;
	commands = must(evbuffer_new());
	append_publish(commands, publisher->fence.prefix, channel, payload);
	redis_connection_request(publisher->connection, commands, 1, on_signal_replied, publisher);
	evbuffer_free(commands);
}

/* ---- the connection ---- */

static void on_loaded(void *context, const redisReply *reply)
{
	struct redis_publisher *publisher = context;
	char words[REDIS_TROUBLE_MAX - sizeof "SCRIPT LOAD: "], cause[REDIS_TROUBLE_MAX];

	if (!reply)
		return; /* `lost` reports why */
	if (reply->type != REDIS_REPLY_STRING || reply->len > FENCE_HASH_MAX) {
		redis_error_describe(reply, words, sizeof words);
		utf8_format(cause, sizeof cause, "SCRIPT LOAD: %s", words);
		redis_connection_drop(publisher->connection, cause);
		return;
	}
	snprintf(publisher->fence.hash, sizeof publisher->fence.hash, "%s", reply->str);
	redis_connection_mark_up(publisher->connection);
	if (publisher->up)
		publisher->up(publisher->context);
}

static void on_ready(void *context)
{
	load_script(context, on_loaded);
}

/* ---- the whole ---- */

struct redis_publisher *redis_publisher_new(const struct redis_settings *settings,
					    const struct redis_publisher_config *config)
{
	static const struct broker_ops ops = {publish, is_up};
	static const struct redis_connection_user user = {.ready = on_ready};
	struct redis_publisher *publisher = must_alloc(sizeof *publisher);

	publisher->broker.ops = &ops;
	publisher->base = settings->base;
	publisher->logger = settings->logger;
	publisher->up = config->up;
	publisher->context = config->context;
	publisher->fence.prefix = must(strdup(config->prefix));
	if (config->event_stream && *config->event_stream)
		publisher->fence.event_stream = must_printf("%s%s", config->prefix, config->event_stream);
	publisher->connection = redis_connection_new(settings, config->name, REPLY_MAX, &user, publisher);
	return publisher;
}

void redis_publisher_free(struct redis_publisher **publisher)
{
	if (!*publisher)
		return;
	redis_connection_free(&(*publisher)->connection);
	for (struct publisher_call *call = (*publisher)->calls, *next; call; call = next) {
		next = call->next;
		call_free(call);
	}
	free((*publisher)->fence.prefix);
	free((*publisher)->fence.event_stream);
	free(*publisher);
	*publisher = NULL;
}

struct broker *redis_publisher_broker(struct redis_publisher *publisher)
{
	return &publisher->broker;
}

bool redis_publisher_is_up(const struct redis_publisher *publisher)
{
	return redis_connection_is_up(publisher->connection);
}

const char *redis_publisher_signal_refusal(const struct redis_publisher *publisher)
{
	return publisher->signal_refusal;
}

const char *redis_publisher_trouble(const struct redis_publisher *publisher)
{
	return redis_connection_trouble(publisher->connection);
}

bool redis_publisher_is_out_of_memory(const struct redis_publisher *publisher)
{
	return publisher->is_out_of_memory;
}

void redis_publisher_check_role(struct redis_publisher *publisher)
{
	redis_connection_check_role(publisher->connection);
}

void redis_publisher_drop(struct redis_publisher *publisher, const char *cause)
{
	redis_connection_drop(publisher->connection, cause);
}

const struct redis_publisher_stats *redis_publisher_stats(const struct redis_publisher *publisher)
{
	return &publisher->stats;
}
