/* The operations, in the order of the port, each from its commands to its answer. */
#include "adapters/redis/stream/redis_stream.h"

#include "adapters/redis/protocol/resp_writer.h"
#include "adapters/redis/stream/stream_call.h"
#include "adapters/redis/stream/stream_entries.h"
#include "adapters/redis/stream/stream_info.h"
#include "adapters/redis/stream/stream_link.h"
#include "core/base/decimal.h"
#include "core/base/must.h"

#include <assert.h>
#include <event2/buffer.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The most ids in one XACK. */
#define ACKNOWLEDGE_MAX 1000

/* The value of a macro as a text. */
#define TEXT(number)    #number
#define TEXT_OF(number) TEXT(number)

enum operation {
	LOOK,
	CREATE_GROUP,
	MOVE_GROUP,
	MARK_LIFE,
	CLAIM,
	READ_PENDING,
	READ_NEW,
	UNBLOCK,
	ACKNOWLEDGE,
	FORWARD,
	TRIM,
	END_CONNECTIONS,
	OPERATIONS
};

struct redis_stream {
	struct stream stream;
	char *key, *group, *consumer;
	char idle_ms[24]; /* of the claim */
	char connections[2 * CLIENT_IDENTITY_TEXT];

	struct stream_link asking;
	struct stream_link waiting; /* waits for new entries; used for nothing else */

	struct stream_call calls[OPERATIONS];
	struct stream_info info;
	struct stream_claim claim;
	char cursor[STREAM_ID_TEXT]; /* where the claim resumes */
	struct stream_entries pending, fresh;
};

static struct redis_stream *downcast(struct stream *stream)
{
	return (struct redis_stream *)stream;
}

static struct stream_call *begin(struct stream *stream, enum operation operation, void *context)
{
	struct stream_call *call = &downcast(stream)->calls[operation];

	stream_call_begin(call, context);
	return call;
}

static void answer_done(struct stream_call *call, const struct failure *failure)
{
	call->callback.done(call->context, failure);
}

/* ---- look ---- */

static void on_first_unread(void *context, const redisReply *reply)
{
	struct stream_call *call = context;

	if (!stream_call_received(call, reply))
		return;
	stream_info_parse_unread(&call->stream->info, reply);
	stream_call_finish(call);
}

static void ask_first_unread(struct stream_call *call)
{
	char after[1 + STREAM_ID_TEXT] = "(";

	stream_id_format(call->stream->info.state.delivered, after + 1);
	stream_call_ask_one(
		call, on_first_unread,
		(const char *const[]){"XRANGE", call->stream->key, after, "+", "COUNT", "1", NULL});
}

static void on_pending(void *context, const redisReply *reply)
{
	struct stream_call *call = context;

	if (!stream_call_received(call, reply))
		return;
	if (!stream_info_parse_pending(&call->stream->info, reply, call->stream->consumer))
		stream_call_fail_with(call, reply);
	if (call->replies)
		return;
	if (!call->failed && stream_info_has_unread(&call->stream->info))
		ask_first_unread(call);
	else
		stream_call_finish(call);
}

static void ask_pending(struct stream_call *call, const redisReply *groups)
{
	struct evbuffer *commands = must(evbuffer_new());

	for (size_t i = 0; i < call->stream->info.groups; i++) {
		struct bytes pending[] = {bytes_of("XPENDING"), bytes_of(call->stream->key),
					  stream_info_group(groups, i)};

		resp_append_command(commands, pending, 3);
	}
	stream_call_ask(call, commands, call->stream->info.groups, on_pending);
}

static void receive_groups(struct stream_call *call, const redisReply *reply)
{
	struct redis_stream *stream = call->stream;

	if (reply->type == REDIS_REPLY_ARRAY && reply->elements > STREAM_GROUPS_MAX)
		stream_call_fail(call, FAILURE_FATAL, "the stream has too many consumer groups");
	else if (!stream_info_parse_groups(&stream->info, reply, stream->group))
		stream_call_fail_with(call, reply);
	if (call->failed || !stream->info.groups)
		stream_call_finish(call);
	else
		ask_pending(call, reply);
}

static void on_stream_info(void *context, const redisReply *reply)
{
	struct stream_call *call = context;

	if (!stream_call_received(call, reply))
		return;
	if (!call->replies)
		receive_groups(call, reply);
	else if (!stream_info_begin(&call->stream->info, reply))
		stream_call_fail_with(call, reply);
}

static void answer_looked(struct stream_call *call, const struct failure *failure)
{
	call->callback.looked(call->context, failure ? NULL : &call->stream->info.state, failure);
}

static void look(struct stream *stream, stream_looked *done, void *context)
{
	struct stream_call *call = begin(stream, LOOK, context);
	const char *key = call->stream->key;
	struct evbuffer *commands = must(evbuffer_new());

	call->callback.looked = done;
	stream_call_append(commands, (const char *const[]){"XINFO", "STREAM", key, NULL});
	stream_call_append(commands, (const char *const[]){"XINFO", "GROUPS", key, NULL});
	stream_call_ask(call, commands, 2, on_stream_info);
}

/* ---- create_group ---- */

static void create_group(struct stream *stream, struct stream_id after, stream_done *done, void *context)
{
	struct stream_call *call = begin(stream, CREATE_GROUP, context);
	const struct redis_stream *it = call->stream;
	char id[STREAM_ID_TEXT];

	call->callback.done = done;
	stream_id_format(after, id);
	stream_call_ask_one(
		call, stream_call_on_done,
		(const char *const[]){"XGROUP", "CREATE", it->key, it->group, id, "MKSTREAM", NULL});
}

/* ---- move_group, mark_life ---- */

static void move_group(struct stream *stream, struct stream_id after, stream_done *done, void *context)
{
	struct stream_call *call = begin(stream, MOVE_GROUP, context);
	char id[STREAM_ID_TEXT];

	call->callback.done = done;
	stream_id_format(after, id);
	stream_call_ask_one(
		call, stream_call_on_done,
		(const char *const[]){"XGROUP", "SETID", call->stream->key, call->stream->group, id, NULL});
}

/* The mark is a group, which is deleted with its stream; ahead of every entry, it holds nothing back. */
static void mark_life(struct stream *stream, const char *life, stream_done *done, void *context)
{
	struct stream_call *call = begin(stream, MARK_LIFE, context);
	char *name = must_printf("%s" STREAM_LIFE_MARK "%s", call->stream->group, life);
	char id[STREAM_ID_TEXT];

	call->callback.done = done;
	stream_id_format((struct stream_id){UINT64_MAX, UINT64_MAX}, id);
	stream_call_ask_one(call, stream_call_on_done,
			    (const char *const[]){"XGROUP", "CREATE", call->stream->key, name, id, NULL});
	free(name);
}

/* ---- claim ---- */

static void claim_some(struct stream_call *call);

/* Whether it has the cursor, the claimed ids and, since Redis 7, the ids of deleted entries. */
static bool is_claim(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_ARRAY && reply->elements >= 2 &&
	       reply->element[0]->type == REDIS_REPLY_STRING && reply->element[0]->len < STREAM_ID_TEXT &&
	       reply->element[1]->type == REDIS_REPLY_ARRAY &&
	       (reply->elements == 2 || reply->element[2]->type == REDIS_REPLY_ARRAY);
}

static void on_claimed(void *context, const redisReply *reply)
{
	struct stream_call *call = context;
	struct redis_stream *stream = call->stream;

	if (!stream_call_received(call, reply))
		return;
	if (!is_claim(reply)) {
		stream_call_fail_with(call, reply);
		stream_call_finish(call);
		return;
	}
	stream->claim.claimed += reply->element[1]->elements;
	stream->claim.lost += reply->elements > 2 ? reply->element[2]->elements : 0;
	snprintf(stream->cursor, sizeof stream->cursor, "%s", reply->element[0]->str);
	if (strcmp(stream->cursor, "0-0"))
		claim_some(call);
	else
		stream_call_finish(call);
}

static void claim_some(struct stream_call *call)
{
	const struct redis_stream *stream = call->stream;

	stream_call_ask_one(call, on_claimed,
			    (const char *const[]){"XAUTOCLAIM", stream->key, stream->group, stream->consumer,
						  stream->idle_ms, stream->cursor, "COUNT",
						  TEXT_OF(STREAM_READ_MAX), "JUSTID", NULL});
}

static void answer_claimed(struct stream_call *call, const struct failure *failure)
{
	call->callback.claimed(call->context, failure ? NULL : &call->stream->claim, failure);
}

static void claim(struct stream *stream, int64_t idle_ms, stream_claimed *done, void *context)
{
	struct stream_call *call = begin(stream, CLAIM, context);

	call->callback.claimed = done;
	call->stream->claim = (struct stream_claim){0};
	snprintf(call->stream->idle_ms, sizeof call->stream->idle_ms, "%" PRId64, idle_ms);
	stream_id_format((struct stream_id){0}, call->stream->cursor);
	claim_some(call);
}

/* ---- read_pending, read_new ---- */

static struct stream_entries *entries_of(struct stream_call *call)
{
	struct redis_stream *stream = call->stream;

	return call == &stream->calls[READ_PENDING] ? &stream->pending : &stream->fresh;
}

static void on_read(void *context, const redisReply *reply)
{
	struct stream_call *call = context;

	if (!stream_call_received(call, reply))
		return;
	if (!stream_entries_parse(entries_of(call), reply))
		stream_call_fail_with(call, reply);
	stream_call_finish(call);
}

static void answer_was_read(struct stream_call *call, const struct failure *failure)
{
	const struct stream_entries *entries = entries_of(call);

	call->callback.was_read(call->context, failure ? NULL : entries->all, failure ? 0 : entries->count,
				failure);
}

/* XREADGROUP does not block when it reads pending entries. */
static void read_pending(struct stream *stream, struct stream_id after, size_t max, stream_was_read *done,
			 void *context)
{
	struct stream_call *call = begin(stream, READ_PENDING, context);
	const struct redis_stream *it = call->stream;
	char id[STREAM_ID_TEXT], count[DECIMAL_MAX + 1];

	call->callback.was_read = done;
	stream_id_format(after, id);
	count[decimal_format_unsigned(max, count)] = '\0';
	stream_call_ask_one(call, on_read,
			    (const char *const[]){"XREADGROUP", "GROUP", it->group, it->consumer, "COUNT",
						  count, "STREAMS", it->key, id, NULL});
}

static void read_new(struct stream *stream, size_t max, bool may_wait, stream_was_read *done, void *context)
{
	struct stream_call *call = begin(stream, READ_NEW, context);
	const struct redis_stream *it = call->stream;
	char count[DECIMAL_MAX + 1];

	call->callback.was_read = done;
	count[decimal_format_unsigned(max, count)] = '\0';
	if (may_wait)
		stream_call_ask_one(call, on_read,
				    (const char *const[]){"XREADGROUP", "GROUP", it->group, it->consumer,
							  "COUNT", count, "BLOCK", TEXT_OF(STREAM_WAIT_MS),
							  "STREAMS", it->key, ">", NULL});
	else
		stream_call_ask_one(call, on_read,
				    (const char *const[]){"XREADGROUP", "GROUP", it->group, it->consumer,
							  "COUNT", count, "STREAMS", it->key, ">", NULL});
}

/* ---- unblock ---- */

static void unblock(struct stream *stream, stream_done *done, void *context)
{
	struct stream_call *call = begin(stream, UNBLOCK, context);

	call->callback.done = done;
	stream_call_ask_one(
		call, stream_call_on_done,
		(const char *const[]){"CLIENT", "UNBLOCK", call->stream->waiting.identity.id, NULL});
}

/* ---- acknowledge ---- */

static void append_acknowledge(const struct redis_stream *stream, struct evbuffer *commands,
			       const struct stream_id *ids, size_t count)
{
	char id[STREAM_ID_TEXT];

	resp_begin_command(commands, 3 + count);
	resp_add_argument(commands, bytes_of("XACK"));
	resp_add_argument(commands, bytes_of(stream->key));
	resp_add_argument(commands, bytes_of(stream->group));
	for (size_t i = 0; i < count; i++) {
		stream_id_format(ids[i], id);
		resp_add_argument(commands, bytes_of(id));
	}
}

static void acknowledge(struct stream *stream, const struct stream_id *ids, size_t count, stream_done *done,
			void *context)
{
	struct stream_call *call = begin(stream, ACKNOWLEDGE, context);
	struct evbuffer *commands = must(evbuffer_new());
	size_t replies = 0;

	assert(count > 0);
	call->callback.done = done;
	for (size_t i = 0; i < count; i += ACKNOWLEDGE_MAX, replies++)
		append_acknowledge(call->stream, commands, ids + i,
				   count - i < ACKNOWLEDGE_MAX ? count - i : ACKNOWLEDGE_MAX);
	stream_call_ask(call, commands, replies, stream_call_on_done);
}

/* ---- forward ---- */

static void forward(struct stream *stream, const struct forwarded_entry *entry, stream_done *done,
		    void *context)
{
	struct stream_call *call = begin(stream, FORWARD, context);
	struct evbuffer *commands = must(evbuffer_new());
	struct bytes arguments[13] = {
		bytes_of("XADD"),
		bytes_of(entry->to),
		bytes_of("*"),
		bytes_of("type"),
		bytes_of(message_name(entry->type)),
		bytes_of("data"),
		entry->payload,
		bytes_of("origin"),
		bytes_of(entry->origin),
	};
	size_t count = 9;

	if (entry->message_id) {
		arguments[count++] = bytes_of("id");
		arguments[count++] = bytes_of(entry->message_id);
	}
	if (entry->traceparent) {
		arguments[count++] = bytes_of("traceparent");
		arguments[count++] = bytes_of(entry->traceparent);
	}
	call->callback.done = done;
	resp_append_command(commands, arguments, count);
	stream_call_ask(call, commands, 1, stream_call_on_done);
}

/* ---- trim ---- */

static void trim(struct stream *stream, struct stream_id lowest, stream_done *done, void *context)
{
	struct stream_call *call = begin(stream, TRIM, context);
	char id[STREAM_ID_TEXT];

	call->callback.done = done;
	stream_id_format(lowest, id);
	stream_call_ask_one(call, stream_call_on_done,
			    (const char *const[]){"XTRIM", call->stream->key, "MINID", "~", id, NULL});
}

/* ---- connections, end_connections ---- */

static const char *connections(struct stream *stream)
{
	struct redis_stream *it = downcast(stream);

	if (!redis_connection_is_up(it->waiting.connection) || !redis_connection_is_up(it->asking.connection))
		return NULL;
	snprintf(it->connections, sizeof it->connections, "%s %s %s %s", it->waiting.identity.id,
		 it->waiting.identity.address, it->asking.identity.id, it->asking.identity.address);
	return it->connections;
}

/* Redis answers 0 when there is no such connection. */
static void end_connections(struct stream *stream, const char *connections, stream_done *done, void *context)
{
	struct stream_call *call = begin(stream, END_CONNECTIONS, context);
	struct client_identity waiting = {0}, asking = {0};
	struct evbuffer *commands = must(evbuffer_new());
	int found = sscanf(connections, "%23[0-9] %127s %23[0-9] %127s", waiting.id, waiting.address,
			   asking.id, asking.address);

	call->callback.done = done;
	if (found != 4) { /* the last reader did not know them */
		client_identity_ask(commands);
		call->expected = REDIS_REPLY_STRING;
	} else {
		client_identity_kill(&waiting, commands);
		client_identity_kill(&asking, commands);
		call->expected = REDIS_REPLY_INTEGER;
	}
	stream_call_ask(call, commands, found == 4 ? 2 : 1, stream_call_on_done);
}

/* ---- the whole ---- */

/*
 * Pending entries are read only while `waiting` is up, too.  Until it has replaced a lost connection, Redis
 * may deliver entries to that one, which would become pending after we read.
 */
static void calls_init(struct redis_stream *stream, struct event_base *base)
{
	static void (*const answers[OPERATIONS])(struct stream_call *, const struct failure *) = {
		[LOOK] = answer_looked,       [CREATE_GROUP] = answer_done, [MOVE_GROUP] = answer_done,
		[MARK_LIFE] = answer_done,    [CLAIM] = answer_claimed,     [READ_PENDING] = answer_was_read,
		[READ_NEW] = answer_was_read, [UNBLOCK] = answer_done,      [ACKNOWLEDGE] = answer_done,
		[FORWARD] = answer_done,      [TRIM] = answer_done,         [END_CONNECTIONS] = answer_done,
	};

	for (size_t i = 0; i < OPERATIONS; i++) {
		struct stream_call *call = &stream->calls[i];

		call->stream = stream;
		call->link = i == READ_NEW ? &stream->waiting : &stream->asking;
		call->companion = i == READ_PENDING ? &stream->waiting : call->link;
		stream_call_init(call, base);
		call->answer = answers[i];
		call->expected = i == ACKNOWLEDGE || i == TRIM || i == UNBLOCK ? REDIS_REPLY_INTEGER
				 : i == FORWARD                                ? REDIS_REPLY_STRING
									       : REDIS_REPLY_STATUS;
	}
}

struct redis_stream *redis_stream_new(const struct redis_settings *settings,
				      const struct redis_stream_config *config)
{
	static const struct stream_ops ops = {
		look,    create_group, move_group, mark_life, claim,       read_pending,   read_new,
		unblock, acknowledge,  forward,    trim,      connections, end_connections};
	struct redis_stream *stream = must_alloc(sizeof *stream);

	stream->stream.ops = &ops;
	stream->key = must(strdup(config->key));
	stream->group = must(strdup(config->group));
	stream->consumer = must(strdup(config->consumer));
	stream_link_init(&stream->asking, settings, config->name, "");
	stream_link_init(&stream->waiting, settings, config->name, "-waiting");
	stream->asking.connected = stream->waiting.connected = config->connected;
	stream->asking.context = stream->waiting.context = config->context;
	calls_init(stream, settings->base);
	return stream;
}

void redis_stream_free(struct redis_stream **stream)
{
	struct redis_stream *it = *stream;

	if (!it)
		return;
	stream_link_release(&it->asking);
	stream_link_release(&it->waiting);
	for (size_t i = 0; i < OPERATIONS; i++)
		stream_call_release(&it->calls[i]);
	free(it->key);
	free(it->group);
	free(it->consumer);
	free(it);
	*stream = NULL;
}

struct stream *redis_stream_port(struct redis_stream *stream)
{
	return &stream->stream;
}

const char *redis_stream_trouble(const struct redis_stream *stream)
{
	const char *trouble = redis_connection_trouble(stream->asking.connection);

	return trouble ? trouble : redis_connection_trouble(stream->waiting.connection);
}
