/* Encodes the head of each command once, appends payloads to it, and counts the replies. */
#include "adapters/redis/tools/bulk_sender.h"

#include "adapters/redis/protocol/redis_error.h"
#include "adapters/redis/protocol/resp_writer.h"
#include "core/base/must.h"

#include <assert.h>
#include <event2/buffer.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

#define REPLY_MAX ((size_t)1024)

struct bulk_sender {
	const struct bulk_sender_user *user;
	void *context;
	struct redis_connection *connection;
	struct evbuffer *commands; /* added and not sent yet */
	size_t added;              /* messages in `commands` */
	size_t unanswered;
	bool ended;
};

/* ---- targets ---- */

static void store_head(struct sender_target *target, struct evbuffer *commands)
{
	target->size = evbuffer_get_length(commands);
	assert(target->size <= sizeof target->head);
	evbuffer_remove(commands, target->head, target->size);
	evbuffer_free(commands);
}

void sender_target_channel(struct sender_target *target, const char *channel)
{
	struct evbuffer *commands = must(evbuffer_new());

	resp_begin_command(commands, 3);
	resp_add_argument(commands, bytes_of("PUBLISH"));
	resp_add_argument(commands, bytes_of(channel));
	store_head(target, commands);
}

void sender_target_stream(struct sender_target *target, const char *stream, const char *type)
{
	struct evbuffer *commands = must(evbuffer_new());

	resp_begin_command(commands, 7);
	resp_add_argument(commands, bytes_of("XADD"));
	resp_add_argument(commands, bytes_of(stream));
	resp_add_argument(commands, bytes_of("*"));
	resp_add_argument(commands, bytes_of("type"));
	resp_add_argument(commands, bytes_of(type));
	resp_add_argument(commands, bytes_of("data"));
	store_head(target, commands);
}

/* ---- sending ---- */

void bulk_sender_add(struct bulk_sender *sender, const struct sender_target *target, struct bytes payload)
{
	if (evbuffer_add(sender->commands, target->head, target->size) < 0)
		must(NULL);
	resp_add_argument(sender->commands, payload);
	sender->added++;
}

static void end(struct bulk_sender *sender, const char *cause)
{
	if (sender->ended)
		return;
	sender->ended = true;
	sender->user->ended(sender->context, cause);
}

static void on_replied(void *context, const redisReply *reply)
{
	struct bulk_sender *sender = context;
	char words[REDIS_TROUBLE_MAX];

	if (!reply)
		return; /* on_lost reports why */
	sender->unanswered--;
	if (reply->type == REDIS_REPLY_ERROR) {
		redis_error_describe(reply, words, sizeof words);
		end(sender, words);
	} else if (reply->type == REDIS_REPLY_INTEGER && reply->integer == 0) {
		end(sender, "no worker listens");
	} else if (sender->unanswered == 0) {
		sender->user->answered(sender->context);
	}
}

void bulk_sender_flush(struct bulk_sender *sender)
{
	size_t count = sender->added;

	if (count == 0 || sender->ended)
		return;
	sender->added = 0;
	sender->unanswered += count;
	redis_connection_request(sender->connection, sender->commands, count, on_replied, sender);
}

bool bulk_sender_is_answered(const struct bulk_sender *sender)
{
	return sender->unanswered == 0;
}

/* ---- the whole ---- */

static void on_ready(void *context)
{
	struct bulk_sender *sender = context;

	if (sender->ended)
		return;
	redis_connection_mark_up(sender->connection);
	sender->user->up(sender->context);
}

static void on_lost(void *context, const char *cause)
{
	end(context, cause);
}

struct bulk_sender *bulk_sender_new(const struct redis_settings *settings, const char *name,
				    const struct bulk_sender_user *user, void *context)
{
	static const struct redis_connection_user connection_user = {.ready = on_ready, .lost = on_lost};
	struct bulk_sender *sender = must_alloc(sizeof *sender);

	sender->user = user;
	sender->context = context;
	sender->commands = must(evbuffer_new());
	sender->connection = redis_connection_new(settings, name, REPLY_MAX, &connection_user, sender);
	return sender;
}

void bulk_sender_free(struct bulk_sender **sender_link)
{
	struct bulk_sender *sender = *sender_link;

	if (!sender)
		return;
	redis_connection_free(&sender->connection);
	evbuffer_free(sender->commands);
	free(sender);
	*sender_link = NULL;
}
