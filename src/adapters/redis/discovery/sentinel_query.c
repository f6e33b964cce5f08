/* One connection to a sentinel at a time: SENTINEL GET-MASTER-ADDR-BY-NAME, after AUTH if it demands that. */
#include "adapters/redis/discovery/sentinel_query.h"

#include "adapters/redis/connection/connect_attempts.h"
#include "adapters/redis/connection/redis_connection.h"
#include "adapters/redis/connection/tls.h"
#include "adapters/redis/protocol/redis_error.h"
#include "adapters/redis/protocol/resp_reader.h"
#include "adapters/redis/protocol/resp_writer.h"
#include "core/base/must.h"
#include "core/base/utf8.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#define BULK_MAX ((size_t)1024)

/* How a sentinel failed, from the least to the most specific reason: the most specific is reported. */
enum sentinel_failure { SENTINEL_UNTRIED, SENTINEL_UNREACHED, SENTINEL_SILENT, SENTINEL_REFUSED };

struct sentinel_query {
	struct event_base *base;
	const struct redis_url *url;
	size_t first, asked; /* `asked` sentinels were asked, beginning with the number `first` */
	sentinel_answered *answered;
	void *context;

	struct redis_url place; /* the present sentinel's host and port, which belong to `url` */
	struct connect_attempts *attempts;
	struct bufferevent *stream;
	struct resp_reader reader;
	struct arena *replies;
	struct event *timeout;
	bool logging_in; /* the next reply answers AUTH */
	bool logged_in;

	enum sentinel_failure failure;
	size_t failed_sentinel; /* the lowest number of a sentinel with this failure */
	char failed_for[REDIS_TROUBLE_MAX];
};

static void ask_next(struct sentinel_query *query);

/* ---- the present sentinel ---- */

static size_t present(const struct sentinel_query *query)
{
	return (query->first + query->asked - 1) % query->url->sentinel_count;
}

static void leave(struct sentinel_query *query)
{
	connect_attempts_cancel(&query->attempts);
	event_del(query->timeout);
	if (query->stream)
		bufferevent_free(query->stream);
	query->stream = NULL;
	resp_reader_release(&query->reader);
	query->logging_in = query->logged_in = false;
}

/* This sentinel does not help: asks the next one. */
static void give_up(struct sentinel_query *query, enum sentinel_failure failure, const char *cause)
{
	if (failure > query->failure ||
	    (failure == query->failure && present(query) < query->failed_sentinel)) {
		query->failure = failure;
		query->failed_sentinel = present(query);
		utf8_format(query->failed_for, sizeof query->failed_for,
			    "no sentinel names the master: %s:%u: %s", query->place.host, query->place.port,
			    cause);
	}
	leave(query);
	ask_next(query);
}

static void refuse(struct sentinel_query *query, const char *what, const redisReply *reply)
{
	char words[REDIS_TROUBLE_MAX / 2], cause[REDIS_TROUBLE_MAX];

	redis_error_describe(reply, words, sizeof words);
	utf8_format(cause, sizeof cause, "%s: %s", what, words);
	give_up(query, SENTINEL_REFUSED, cause);
}

/* ---- its answer ---- */

static void ask_master(struct sentinel_query *query)
{
	const struct bytes command[] = {bytes_of("SENTINEL"), bytes_of("GET-MASTER-ADDR-BY-NAME"),
					bytes_of(query->url->master)};

	resp_append_command(bufferevent_get_output(query->stream), command, 3);
}

static void log_in(struct sentinel_query *query)
{
	const char *user = query->url->user;
	const struct bytes command[] = {bytes_of("AUTH"), bytes_of(user ? user : "default"),
					bytes_of(query->url->password)};

	query->logging_in = true;
	resp_append_command(bufferevent_get_output(query->stream), command, 3);
	ask_master(query);
}

static bool is_port(const redisReply *reply, uint16_t *port)
{
	return reply->type == REDIS_REPLY_STRING &&
	       redis_port_read(reply->str, reply->str + strlen(reply->str), port);
}

static bool is_address(const redisReply *reply, uint16_t *port)
{
	return reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
	       reply->element[0]->type == REDIS_REPLY_STRING && *reply->element[0]->str &&
	       strlen(reply->element[0]->str) <= REDIS_HOST_MAX && is_port(reply->element[1], port);
}

static void receive_master(struct sentinel_query *query, const redisReply *reply)
{
	struct sentinel_answer answer = {.sentinel = present(query)};

	if (redis_error_is(reply, "NOAUTH") && query->url->password && !query->logged_in)
		log_in(query);
	else if (reply->type == REDIS_REPLY_NIL)
		give_up(query, SENTINEL_REFUSED, "it knows no master of this name");
	else if (!is_address(reply, &answer.port))
		refuse(query, "SENTINEL GET-MASTER-ADDR-BY-NAME", reply);
	else {
		answer.host = reply->element[0]->str;
		query->answered(query->context, &answer);
	}
}

/* Returns whether the answer is still to come; if not, the query may be freed by now. */
static bool receive_reply(struct sentinel_query *query, const redisReply *reply)
{
	if (!query->logging_in) {
		receive_master(query, reply);
		return false;
	}
	query->logging_in = false;
	query->logged_in = true;
	/* A server that does not know AUTH repeats the password in its error, so the reply is not quoted. */
	if (reply->type == REDIS_REPLY_ERROR) {
		give_up(query, SENTINEL_REFUSED,
			"it demands a password, and refuses the user and password in REDIS_URL");
		return false;
	}
	return true;
}

/* Returns whether to read on: there may be a further reply, and the query still exists. */
static bool receive_one(struct sentinel_query *query)
{
	struct evbuffer *input = bufferevent_get_input(query->stream);
	size_t size = evbuffer_get_contiguous_space(input), used;
	const void *data = evbuffer_pullup(input, (ev_ssize_t)size);
	enum resp_progress progress = resp_reader_next(&query->reader, data, size, &used);

	if (progress == RESP_BROKEN) {
		give_up(query, SENTINEL_REFUSED,
			tls_is_alert(data, size)
				? "this port speaks TLS: REDIS_URL must begin with rediss+sentinel://"
				: "this is not the protocol of Redis");
		return false;
	}
	evbuffer_drain(input, used);
	return progress == RESP_WHOLE ? receive_reply(query, query->reader.reply)
				      : evbuffer_get_length(input) > 0;
}

static void on_readable(struct bufferevent *stream, void *context)
{
	(void)stream;
	while (receive_one(context))
		;
}

static void on_event(struct bufferevent *stream, short events, void *context)
{
	struct sentinel_query *query = context;
	char cause[REDIS_TROUBLE_MAX / 2] = "it closed the connection";

	if (!(events & (BEV_EVENT_EOF | BEV_EVENT_ERROR)))
		return;
	if (!(query->url->tls && tls_describe_error(stream, cause, sizeof cause)) &&
	    (events & BEV_EVENT_ERROR))
		utf8_format(cause, sizeof cause, "%s", evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
	give_up(query, SENTINEL_UNREACHED, cause);
}

static void on_timeout(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	give_up(context, SENTINEL_SILENT, "it does not answer");
}

/* ---- asking ---- */

static void on_connect_done(void *context, int fd, const char *error)
{
	static const struct timeval timeout = {SENTINEL_ANSWER_MS / 1000, SENTINEL_ANSWER_MS % 1000 * 1000};
	struct sentinel_query *query = context;
	char defect[REDIS_TROUBLE_MAX];

	if (error && connect_attempts_has_next(query->attempts)) {
		connect_attempts_next(query->attempts);
		return;
	}
	if (error) {
		give_up(query, SENTINEL_UNREACHED, error);
		return;
	}
	if (query->url->tls)
		query->stream = tls_stream_new(query->base, fd, query->place.host, &query->url->tls_files,
					       defect, sizeof defect);
	else
		query->stream = must(bufferevent_socket_new(query->base, fd,
							    BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS));
	if (!query->stream) {
		give_up(query, SENTINEL_REFUSED, defect);
		return;
	}
	resp_reader_init(&query->reader, BULK_MAX, query->replies);
	bufferevent_setcb(query->stream, on_readable, NULL, on_event, query);
	bufferevent_enable(query->stream, EV_READ | EV_WRITE);
	evtimer_add(query->timeout, &timeout);
	ask_master(query);
}

static void ask_next(struct sentinel_query *query)
{
	const struct redis_sentinel *sentinel;

	if (query->asked == query->url->sentinel_count) {
		query->answered(query->context, &(struct sentinel_answer){.error = query->failed_for});
		return;
	}
	query->asked++;
	sentinel = &query->url->sentinels[present(query)];
	query->place = (struct redis_url){.host = sentinel->host, .port = sentinel->port};
	query->attempts = connect_attempts_start(query->base, &query->place, 0, on_connect_done, query);
}

struct sentinel_query *sentinel_query_start(struct event_base *base, const struct redis_url *url,
					    size_t first, sentinel_answered *answered, void *context)
{
	struct sentinel_query *query = must_alloc(sizeof *query);

	*query = (struct sentinel_query){
		.base = base, .url = url, .first = first, .answered = answered, .context = context};
	query->replies = arena_new(BULK_MAX);
	query->timeout = must(evtimer_new(base, on_timeout, query));
	ask_next(query);
	return query;
}

void sentinel_query_cancel(struct sentinel_query **query)
{
	if (!*query)
		return;
	leave(*query);
	event_free((*query)->timeout);
	arena_free(&(*query)->replies);
	free(*query);
	*query = NULL;
}
