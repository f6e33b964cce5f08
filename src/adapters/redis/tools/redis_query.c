/* A subscription on which whoever asked waits for the answers. */
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

struct redis_inquiry {
	struct event_base *base;
	struct logger silent; /* whoever asks tells what is wrong */
	struct redis_connection *connection;
	struct event *patience;
	const char *answers; /* the channel */
	const char *token;   /* of the question that is asked; NULL: none is */
	int64_t asked, answered;
	bool lost;
	char error[REDIS_TROUBLE_MAX];
};

static void on_greeted(void *context)
{
	struct redis_inquiry *inquiry = context;
	const struct bytes subscribe[] = {bytes_of("SUBSCRIBE"), bytes_of(inquiry->answers)};
	struct evbuffer *commands = must(evbuffer_new());

	command_append(commands, subscribe, 2);
	redis_connection_listen(inquiry->connection, commands);
	evbuffer_free(commands);
}

static void count_answer(struct redis_inquiry *inquiry, const redisReply *payload)
{
	if (!inquiry->token || !frame_is_text(payload, inquiry->token))
		return; /* somebody else's */
	inquiry->answered++;
	if (inquiry->answered >= inquiry->asked)
		event_base_loopexit(inquiry->base, NULL);
}

static void on_heard(void *context, const redisReply *reply, size_t true_size)
{
	struct redis_inquiry *inquiry = context;
	bool tells = reply->type == REDIS_REPLY_ARRAY && reply->elements == 3;

	(void)true_size;
	if (tells && frame_is_text(reply->element[0], "subscribe")) {
		redis_connection_settle(inquiry->connection);
		event_base_loopexit(inquiry->base, NULL);
	} else if (tells && frame_is_text(reply->element[0], "message")) {
		count_answer(inquiry, reply->element[2]);
	} else if (reply->type == REDIS_REPLY_ERROR && !redis_connection_is_up(inquiry->connection)) {
		char words[REDIS_TROUBLE_MAX - sizeof "SUBSCRIBE: "], cause[REDIS_TROUBLE_MAX];

		refusal_describe(reply, words, sizeof words);
		utf8_format(cause, sizeof cause, "SUBSCRIBE: %s", words);
		redis_connection_drop(inquiry->connection, cause);
	}
}

/* Answers may have been missed: the question must be asked anew. */
static void on_lost(void *context, const char *cause)
{
	struct redis_inquiry *inquiry = context;

	inquiry->lost = true;
	utf8_format(inquiry->error, sizeof inquiry->error, "%s", cause);
	event_base_loopexit(inquiry->base, NULL);
}

static void on_impatient(evutil_socket_t socket, short what, void *context)
{
	struct redis_inquiry *inquiry = context;

	(void)socket;
	(void)what;
	event_base_loopexit(inquiry->base, NULL);
}

struct redis_inquiry *redis_inquiry_begin(const struct url_source *url, struct random *random,
					  const char *answers, char error[REDIS_TROUBLE_MAX])
{
	static const struct connection_user user = {on_greeted, on_heard, on_lost};
	struct redis_inquiry *inquiry = must_alloc(sizeof *inquiry);

	inquiry->base = must(event_base_new());
	inquiry->silent.level = LOG_ERROR; /* a connection warns at most */
	inquiry->patience = must(evtimer_new(inquiry->base, on_impatient, inquiry));
	inquiry->answers = answers;
	inquiry->connection = redis_connection_new(
		&(struct redis_settings){
			.base = inquiry->base, .url = *url, .random = random, .logger = &inquiry->silent},
		"allocd-command", ANSWER_MAX, &user, inquiry);
	event_base_dispatch(inquiry->base);
	if (inquiry->lost) {
		utf8_format(error, REDIS_TROUBLE_MAX, "%s", inquiry->error);
		redis_inquiry_end(&inquiry);
	}
	return inquiry;
}

void redis_inquiry_end(struct redis_inquiry **inquiry)
{
	if (!*inquiry)
		return;
	redis_connection_free(&(*inquiry)->connection);
	event_free((*inquiry)->patience);
	event_base_free((*inquiry)->base);
	free(*inquiry);
	*inquiry = NULL;
}

static void wait_for_answers(struct redis_inquiry *inquiry, int timeout_ms)
{
	const struct timeval patience = {timeout_ms / 1000, timeout_ms % 1000 * 1000};

	if (inquiry->asked == 0 || inquiry->lost)
		return;
	event_add(inquiry->patience, &patience);
	event_base_dispatch(inquiry->base);
	event_del(inquiry->patience);
}

bool redis_inquiry_ask(struct redis_inquiry *inquiry, struct redis_call *call, const char *channel,
		       const char *token, int timeout_ms, int64_t *asked, int64_t *answered,
		       char error[REDIS_TROUBLE_MAX])
{
	const struct bytes publish[] = {bytes_of("PUBLISH"), bytes_of(channel), bytes_of(token)};

	inquiry->token = token;
	inquiry->answered = 0;
	if (!redis_call_number(call, publish, 3, &inquiry->asked, error))
		return false;
	wait_for_answers(inquiry, timeout_ms);
	inquiry->token = NULL;
	*asked = inquiry->asked;
	*answered = inquiry->answered;
	if (inquiry->lost)
		utf8_format(error, REDIS_TROUBLE_MAX, "%s", inquiry->error);
	return !inquiry->lost;
}
