/* Waits for entries with XREAD, again after each reply. */
#include "adapters/redis/tools/stream_tail.h"

#include "adapters/redis/protocol/redis_error.h"
#include "adapters/redis/protocol/resp_writer.h"
#include "adapters/redis/stream/stream_entries.h"
#include "bus/ports/codec.h"
#include "core/base/must.h"

#include <event2/buffer.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>

/* An answer at least this often shows that the connection is alive. */
#define BLOCK_MS "2000"

/* One reply can hold this many entries, of any content. */
#define AT_ONCE STREAM_READ_FIRST

struct stream_tail {
	struct redis_connection *connection;
	const char *key;
	struct stream_id after; /* every entry up to here was delivered */
	const struct stream_tail_user *user;
	void *context;
	struct stream_entries entries;
};

static void on_read(void *context, const redisReply *reply);

static void read_more(struct stream_tail *tail)
{
	struct evbuffer *commands = must(evbuffer_new());
	char after[STREAM_ID_TEXT];

	stream_id_format(tail->after, after);
	resp_begin_command(commands, 8);
	resp_add_argument(commands, bytes_of("XREAD"));
	resp_add_argument(commands, bytes_of("COUNT"));
	resp_add_number(commands, AT_ONCE);
	resp_add_argument(commands, bytes_of("BLOCK"));
	resp_add_argument(commands, bytes_of(BLOCK_MS));
	resp_add_argument(commands, bytes_of("STREAMS"));
	resp_add_argument(commands, bytes_of(tail->key));
	resp_add_argument(commands, bytes_of(after));
	redis_connection_request(tail->connection, commands, 1, on_read, tail);
	evbuffer_free(commands);
}

/* When the connection is lost, on_ready() asks again. */
static void on_read(void *context, const redisReply *reply)
{
	struct stream_tail *tail = context;
	char error[REDIS_TROUBLE_MAX];

	if (!reply)
		return;
	if (!stream_entries_parse(&tail->entries, reply)) {
		redis_error_describe(reply, error, sizeof error);
		tail->user->failed(tail->context, error);
		return;
	}
	for (size_t i = 0; i < tail->entries.count; i++) {
		tail->after = tail->entries.all[i].id;
		tail->user->found(tail->context, &tail->entries.all[i]);
	}
	read_more(tail);
}

static void on_ready(void *context)
{
	struct stream_tail *tail = context;

	redis_connection_mark_up(tail->connection);
	read_more(tail);
}

struct stream_tail *stream_tail_new(const struct redis_settings *settings, const char *key,
				    struct stream_id after, const struct stream_tail_user *user,
				    void *context)
{
	static const struct redis_connection_user connection_user = {.ready = on_ready};
	struct stream_tail *tail = must_alloc(sizeof *tail);

	tail->key = key;
	tail->after = after;
	tail->user = user;
	tail->context = context;
	tail->connection = redis_connection_new(settings, "allocd-tail", PAYLOAD_MAX, &connection_user, tail);
	return tail;
}

void stream_tail_free(struct stream_tail **tail)
{
	if (!*tail)
		return;
	redis_connection_free(&(*tail)->connection);
	free(*tail);
	*tail = NULL;
}

const char *stream_tail_trouble(const struct stream_tail *tail)
{
	return redis_connection_trouble(tail->connection);
}
