/* A subscription whose caller waits for the answers. */
#include "adapters/redis/tools/redis_query.h"

#include "adapters/redis/protocol/redis_error.h"
#include "adapters/redis/protocol/resp_reader.h"
#include "adapters/redis/protocol/resp_writer.h"
#include "core/base/must.h"
#include "core/base/utf8.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <string.h>

#define ANSWER_MAX ((size_t)1024)

struct redis_query {
	struct event_base *base;
	struct logger silent; /* the caller reports the error */
	struct redis_connection *connection;
	struct event *patience;
	const char *answers; /* their channel */
	const char *token;   /* of the present question; NULL outside of redis_query_ask() */
	int64_t asked, answered;
	bool lost;
	char error[REDIS_TROUBLE_MAX];
};

static void on_ready(void *context)
{
	struct redis_query *query = context;
	const struct bytes subscribe[] = {bytes_of("SUBSCRIBE"), bytes_of(query->answers)};
	struct evbuffer *commands = must(evbuffer_new());

	resp_append_command(commands, subscribe, 2);
	redis_connection_listen(query->connection, commands);
	evbuffer_free(commands);
}

static void count_answer(struct redis_query *query, const redisReply *payload)
{
	if (!query->token || !resp_is_text(payload, query->token))
		return; /* an answer to another query */
	query->answered++;
	if (query->answered >= query->asked)
		event_base_loopexit(query->base, NULL);
}

static void on_received(void *context, const redisReply *reply)
{
	struct redis_query *query = context;
	bool is_push = reply->type == REDIS_REPLY_ARRAY && reply->elements == 3;

	if (is_push && resp_is_text(reply->element[0], "subscribe")) {
		redis_connection_mark_up(query->connection);
		event_base_loopexit(query->base, NULL);
	} else if (is_push && resp_is_text(reply->element[0], "message")) {
		count_answer(query, reply->element[2]);
	} else if (reply->type == REDIS_REPLY_ERROR && !redis_connection_is_up(query->connection)) {
		char words[REDIS_TROUBLE_MAX - sizeof "SUBSCRIBE: "], cause[REDIS_TROUBLE_MAX];

		redis_error_describe(reply, words, sizeof words);
		utf8_format(cause, sizeof cause, "SUBSCRIBE: %s", words);
		redis_connection_drop(query->connection, cause);
	}
}

/* Answers may have been missed: the question must be asked again. */
static void on_lost(void *context, const char *cause)
{
	struct redis_query *query = context;

	query->lost = true;
	utf8_format(query->error, sizeof query->error, "%s", cause);
	event_base_loopexit(query->base, NULL);
}

static void on_impatient(evutil_socket_t socket, short what, void *context)
{
	struct redis_query *query = context;

	(void)socket;
	(void)what;
	event_base_loopexit(query->base, NULL);
}

struct redis_query *redis_query_begin(const struct url_source *url, struct random *random,
				      const char *answers, char error[REDIS_TROUBLE_MAX])
{
	static const struct redis_connection_user user = {on_ready, on_received, on_lost};
	struct redis_query *query = must_alloc(sizeof *query);

	query->base = must(event_base_new());
	query->silent.level = LOG_ERROR; /* a connection warns at most */
	query->patience = must(evtimer_new(query->base, on_impatient, query));
	query->answers = answers;
	query->connection = redis_connection_new(
		&(struct redis_settings){
			.base = query->base, .url = *url, .random = random, .logger = &query->silent},
		"allocd-command", ANSWER_MAX, &user, query);
	event_base_dispatch(query->base);
	if (query->lost) {
		utf8_format(error, REDIS_TROUBLE_MAX, "%s", query->error);
		redis_query_end(&query);
	}
	return query;
}

void redis_query_end(struct redis_query **query)
{
	if (!*query)
		return;
	redis_connection_free(&(*query)->connection);
	event_free((*query)->patience);
	event_base_free((*query)->base);
	free(*query);
	*query = NULL;
}

static void wait_for_answers(struct redis_query *query, int timeout_ms)
{
	const struct timeval patience = {timeout_ms / 1000, timeout_ms % 1000 * 1000};

	if (query->asked == 0 || query->lost)
		return;
	event_add(query->patience, &patience);
	event_base_dispatch(query->base);
	event_del(query->patience);
}

bool redis_query_ask(struct redis_query *query, struct redis_client *call, const char *channel,
		     const char *token, int timeout_ms, int64_t *asked, int64_t *answered,
		     char error[REDIS_TROUBLE_MAX])
{
	const struct bytes publish[] = {bytes_of("PUBLISH"), bytes_of(channel), bytes_of(token)};

	query->token = token;
	query->answered = 0;
	if (!redis_client_number(call, publish, 3, &query->asked, error))
		return false;
	wait_for_answers(query, timeout_ms);
	query->token = NULL;
	*asked = query->asked;
	*answered = query->answered;
	if (query->lost)
		utf8_format(error, REDIS_TROUBLE_MAX, "%s", query->error);
	return !query->lost;
}
