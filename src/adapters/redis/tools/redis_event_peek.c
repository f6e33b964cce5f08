/*
 * Reads entries of the stream of events, the newest first: XINFO STREAM, which knows how many were ever added
 * (since Redis 7.0), and XREVRANGE, whose cost depends only on how many entries it returns.
 */
#include "adapters/redis/tools/redis_event_peek.h"

#include "adapters/redis/protocol/redis_error.h"
#include "adapters/redis/protocol/resp_writer.h"
#include "adapters/redis/stream/stream_entries.h"
#include "adapters/redis/stream/stream_info.h"
#include "core/base/container_of.h"
#include "core/base/must.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

/* Events are smaller; a reply with this many bytes of each entry is within the connection's bounds. */
#define ENTRY_BYTES_MAX ((size_t)8 * 1024)

/* How long a read waits for the connection; its silence is noticed later, by the connection. */
#define CONNECT_MS 2000

struct redis_event_peek {
	struct event_peek port;
	struct redis_settings settings;
	struct logger silent;
	char *key;
	struct redis_connection *connection; /* NULL: closed */
	struct event *patience;              /* fires when a read has waited for the connection */

	event_peek_done *done; /* of the read under way; NULL: no read is under way */
	void *context;
	struct stream_id after, up_to;
	size_t max;
	char refusal[REDIS_TROUBLE_MAX]; /* of the read under way; "": none */
	struct peeked_events found;
	struct peeked_event events[EVENT_PEEK_MAX];
	struct stream_info info;
	struct stream_entries entries;
};

static void write_nothing(struct logger *logger, enum log_level level, const char *message,
			  const struct log_field *fields, size_t count)
{
	(void)logger;
	(void)level;
	(void)message;
	(void)fields;
	(void)count;
}

static void answer(struct redis_event_peek *peek, const char *error)
{
	event_peek_done *done = peek->done;

	event_del(peek->patience);
	peek->done = NULL;
	if (error)
		peek->found.count = 0;
	if (done)
		done(peek->context, &peek->found, error);
}

/* ---- the two replies ---- */

/* Notes the first refusal of a read; it is answered after the last reply. */
static void refuse(struct redis_event_peek *peek, const char *command, const redisReply *reply)
{
	char words[REDIS_TROUBLE_MAX - 32];

	if (*peek->refusal)
		return;
	redis_error_describe(reply, words, sizeof words);
	snprintf(peek->refusal, sizeof peek->refusal, "%s: %s", command, words);
}

/* NULL: the connection was lost, which on_lost() reports.  A stream that does not exist has no events. */
static void on_info(void *context, const redisReply *reply)
{
	struct redis_event_peek *peek = context;

	if (!reply)
		return;
	if (!stream_info_begin(&peek->info, reply))
		refuse(peek, "XINFO STREAM", reply);
	peek->found.added = peek->info.state.added;
	peek->found.last = peek->info.state.last_generated;
}

static void copy_entries(struct redis_event_peek *peek)
{
	peek->found.count = 0;
	for (size_t i = 0; i < peek->entries.count && i < EVENT_PEEK_MAX; i++) {
		const struct stream_entry *entry = &peek->entries.all[i];
		bool is_whole = entry->payload_size == entry->payload.size;

		peek->events[peek->found.count++] = (struct peeked_event){
			.id = entry->id,
			.type = entry->type,
			.payload = is_whole ? entry->payload : (struct bytes){NULL, 0},
		};
	}
}

static void on_entries(void *context, const redisReply *reply)
{
	struct redis_event_peek *peek = context;

	if (!reply)
		return;
	if (stream_entries_parse_list(&peek->entries, reply))
		copy_entries(peek);
	else
		refuse(peek, "XREVRANGE", reply);
	answer(peek, *peek->refusal ? peek->refusal : NULL);
}

/* ---- the read ---- */

static void send_read(struct redis_event_peek *peek)
{
	struct evbuffer *commands = must(evbuffer_new());
	char after[STREAM_ID_TEXT + 1] = "(", up_to[STREAM_ID_TEXT];

	stream_id_format(peek->after, after + 1);
	stream_id_format(peek->up_to, up_to);
	resp_begin_command(commands, 3);
	resp_add_argument(commands, bytes_of("XINFO"));
	resp_add_argument(commands, bytes_of("STREAM"));
	resp_add_argument(commands, bytes_of(peek->key));
	redis_connection_request(peek->connection, commands, 1, on_info, peek);
	resp_begin_command(commands, 6);
	resp_add_argument(commands, bytes_of("XREVRANGE"));
	resp_add_argument(commands, bytes_of(peek->key));
	resp_add_argument(commands, bytes_of(up_to));
	resp_add_argument(commands, bytes_of(after));
	resp_add_argument(commands, bytes_of("COUNT"));
	resp_add_number(commands, (int64_t)peek->max);
	redis_connection_request(peek->connection, commands, 1, on_entries, peek);
	evbuffer_free(commands);
}

static void on_ready(void *context)
{
	struct redis_event_peek *peek = context;

	redis_connection_mark_up(peek->connection);
	event_del(peek->patience);
	if (peek->done)
		send_read(peek);
}

static void on_lost(void *context, const char *cause)
{
	answer(context, cause);
}

static void on_impatient(evutil_socket_t socket, short what, void *context)
{
	struct redis_event_peek *peek = context;

	(void)socket;
	(void)what;
	answer(peek, redis_connection_trouble(peek->connection));
}

static void peek_read(struct event_peek *port, struct stream_id after, struct stream_id up_to, size_t max,
		      event_peek_done *done, void *context)
{
	static const struct redis_connection_user user = {.ready = on_ready, .lost = on_lost};
	const struct timeval patience = {.tv_sec = CONNECT_MS / 1000};
	struct redis_event_peek *peek = container_of(port, struct redis_event_peek, port);

	peek->done = done;
	peek->context = context;
	peek->after = after;
	peek->up_to = up_to;
	peek->max = max < EVENT_PEEK_MAX ? max : EVENT_PEEK_MAX;
	peek->refusal[0] = '\0';
	peek->found = (struct peeked_events){.events = peek->events, .added = -1};
	if (!peek->connection)
		peek->connection =
			redis_connection_new(&peek->settings, "allocd-viewer", ENTRY_BYTES_MAX, &user, peek);
	if (redis_connection_is_up(peek->connection))
		send_read(peek);
	else
		event_add(peek->patience, &patience);
}

static void peek_close(struct event_peek *port)
{
	struct redis_event_peek *peek = container_of(port, struct redis_event_peek, port);

	event_del(peek->patience);
	peek->done = NULL;
	redis_connection_free(&peek->connection);
}

struct redis_event_peek *redis_event_peek_new(const struct redis_settings *settings, const char *key)
{
	static const struct event_peek_ops ops = {peek_read, peek_close};
	struct redis_event_peek *peek = must_alloc(sizeof *peek);

	peek->port.ops = &ops;
	peek->silent.level = LOG_ERROR;
	peek->silent.write = write_nothing;
	peek->key = must(strdup(key));
	peek->settings = *settings;
	peek->settings.logger = &peek->silent;
	peek->settings.server = NULL; /* its troubles must not become those of the worker's connections */
	peek->settings.connections = NULL;
	peek->patience = must(evtimer_new(settings->base, on_impatient, peek));
	return peek;
}

void redis_event_peek_free(struct redis_event_peek **place)
{
	struct redis_event_peek *peek = *place;

	if (!peek)
		return;
	peek_close(&peek->port);
	event_free(peek->patience);
	free(peek->key);
	free(peek);
	*place = NULL;
}

struct event_peek *redis_event_peek_port(struct redis_event_peek *peek)
{
	return &peek->port;
}
