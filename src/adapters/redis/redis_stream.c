/* The operations, one after the other as the port has them, each from its question to its answer. */
#include "adapters/redis/redis_stream.h"

#include "adapters/redis/client_identity.h"
#include "adapters/redis/command.h"
#include "adapters/redis/refusal.h"
#include "adapters/redis/stream_entries.h"
#include "adapters/redis/stream_standing.h"
#include "bus/codec.h"
#include "core/decimal.h"
#include "core/must.h"
#include "core/utf8.h"

#include <assert.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Ids in one command. */
#define ACKNOWLEDGE_MAX 1000

/* What a macro says, as a text. */
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
	ACKNOWLEDGE,
	TRIM,
	OPERATIONS
};

struct link {
	struct redis_connection *connection;
	char *name;
	struct client_identity identity; /* of the connection, or of the one before */
	size_t replies;                  /* that are yet to come before it is up */
};

/* One call of an operation, from its beginning to its answer. */
struct call {
	struct redis_stream *stream;
	const struct link *link;      /* that it goes over; */
	const struct link *companion; /* which must be up, too */
	struct event *refusing;       /* because one is not */
	void (*answer)(struct call *call, const struct failure *failure);
	int expected; /* the type of a good reply, where the call has one for all */
	bool is_open;
	size_t replies; /* that are yet to come */
	bool failed;
	struct failure failure; /* the first one */
	char error[REDIS_TROUBLE_MAX];

	union {
		stream_done *done;
		stream_looked *looked;
		stream_claimed *claimed;
		stream_was_read *was_read;
	} told;
	void *context;
};

struct redis_stream {
	struct stream stream;
	char *key, *group, *consumer;
	int64_t claim_idle_ms;

	struct link asking;
	struct link waiting; /* for new entries; nothing else is asked on it */

	struct call calls[OPERATIONS];
	struct standing standing;
	struct stream_claim claim;
	char cursor[STREAM_ID_TEXT]; /* of the claim: where it goes on */
	struct stream_entries pending, fresh;
};

static struct redis_stream *downcast(struct stream *stream)
{
	return (struct redis_stream *)stream;
}

/* ---- a call: begun, sent, failed, answered ---- */

static struct call *begin(struct stream *stream, enum operation operation, void *context)
{
	struct call *call = &downcast(stream)->calls[operation];

	assert(!call->is_open);
	call->is_open = true;
	call->failed = false;
	call->context = context;
	return call;
}

static void fail(struct call *call, enum failure_kind kind, const char *error)
{
	if (call->failed)
		return;
	call->failed = true;
	utf8_format(call->error, sizeof call->error, "%s", error);
	call->failure = (struct failure){kind, call->error};
}

static void finish(struct call *call)
{
	call->is_open = false;
	call->answer(call, call->failed ? &call->failure : NULL);
}

static const char *trouble_of(const struct call *call)
{
	const char *trouble = redis_connection_trouble(call->link->connection);

	return trouble ? trouble : redis_connection_trouble(call->companion->connection);
}

/* A connection is not there, or not any more. */
static void finish_unsent(struct call *call)
{
	const char *trouble = trouble_of(call);

	fail(call, FAILURE_RETRY, trouble ? trouble : "the connection was lost");
	finish(call);
}

static void on_refusing(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	finish_unsent(context);
}

static void ask(struct call *call, struct evbuffer *commands, size_t replies, connection_replied *replied)
{
	static const struct timeval at_once = {0, 0};

	call->replies = replies;
	if (trouble_of(call))
		evtimer_add(call->refusing, &at_once);
	else
		redis_connection_request(call->link->connection, commands, replies, replied, call);
	evbuffer_free(commands);
}

static void append(struct evbuffer *commands, const char *const *words)
{
	size_t count = 0;

	while (words[count])
		count++;
	command_begin(commands, count);
	for (size_t i = 0; i < count; i++)
		command_argument(commands, bytes_of(words[i]));
}

/* One command, its words up to NULL. */
static void ask_one(struct call *call, connection_replied *replied, const char *const *words)
{
	struct evbuffer *commands = must(evbuffer_new());

	append(commands, words);
	ask(call, commands, 1, replied);
}

/* The group, or the whole stream, is not there: also when it vanished while we waited. */
static bool tells_of_no_group(const redisReply *reply)
{
	return refusal_is(reply, "NOGROUP") || refusal_is(reply, "UNBLOCKED") || standing_is_no_stream(reply);
}

/* An error, or an answer that is none. */
static void fail_with(struct call *call, const redisReply *reply)
{
	char error[REDIS_TROUBLE_MAX];

	refusal_describe(reply, error, sizeof error);
	fail(call, tells_of_no_group(reply) ? FAILURE_CONFLICT : FAILURE_FATAL, error);
}

/* Whether a reply came; the last of all is NULL when the connection was lost. */
static bool came(struct call *call, const redisReply *reply)
{
	if (reply)
		call->replies--;
	else
		finish_unsent(call);
	return reply != NULL;
}

/* It is good, too, that the group is there already. */
static void on_done(void *context, const redisReply *reply)
{
	struct call *call = context;

	if (!came(call, reply))
		return;
	if (reply->type != call->expected && !refusal_is(reply, "BUSYGROUP"))
		fail_with(call, reply);
	if (!call->replies)
		finish(call);
}

static void answer_done(struct call *call, const struct failure *failure)
{
	call->told.done(call->context, failure);
}

/* ---- look ---- */

static void on_pending_told(void *context, const redisReply *reply)
{
	struct call *call = context;

	if (!came(call, reply))
		return;
	if (!standing_take_pending(&call->stream->standing, reply))
		fail_with(call, reply);
	if (!call->replies)
		finish(call);
}

static void ask_what_is_pending(struct call *call, const redisReply *groups)
{
	struct evbuffer *commands = must(evbuffer_new());

	for (size_t i = 0; i < call->stream->standing.groups; i++) {
		struct bytes pending[] = {bytes_of("XPENDING"), bytes_of(call->stream->key),
					  standing_group(groups, i)};

		command_append(commands, pending, 3);
	}
	ask(call, commands, call->stream->standing.groups, on_pending_told);
}

static void take_groups(struct call *call, const redisReply *reply)
{
	struct redis_stream *stream = call->stream;

	if (reply->type == REDIS_REPLY_ARRAY && reply->elements > STANDING_GROUPS_MAX)
		fail(call, FAILURE_FATAL, "the stream has too many consumer groups");
	else if (!standing_take_groups(&stream->standing, reply, stream->group))
		fail_with(call, reply);
	if (call->failed || !stream->standing.groups)
		finish(call);
	else
		ask_what_is_pending(call, reply);
}

static void on_stream_told(void *context, const redisReply *reply)
{
	struct call *call = context;

	if (!came(call, reply))
		return;
	if (!call->replies)
		take_groups(call, reply);
	else if (!standing_begin(&call->stream->standing, reply))
		fail_with(call, reply);
}

static void answer_looked(struct call *call, const struct failure *failure)
{
	call->told.looked(call->context, failure ? NULL : &call->stream->standing.state, failure);
}

static void look(struct stream *stream, stream_looked *done, void *context)
{
	struct call *call = begin(stream, LOOK, context);
	const char *key = call->stream->key;
	struct evbuffer *commands = must(evbuffer_new());

	call->told.looked = done;
	append(commands, (const char *const[]){"XINFO", "STREAM", key, NULL});
	append(commands, (const char *const[]){"XINFO", "GROUPS", key, NULL});
	ask(call, commands, 2, on_stream_told);
}

/* ---- create_group ---- */

static void create_group(struct stream *stream, struct stream_id after, stream_done *done, void *context)
{
	struct call *call = begin(stream, CREATE_GROUP, context);
	const struct redis_stream *it = call->stream;
	char id[STREAM_ID_TEXT];

	call->told.done = done;
	stream_id_format(after, id);
	ask_one(call, on_done,
		(const char *const[]){"XGROUP", "CREATE", it->key, it->group, id, "MKSTREAM", NULL});
}

/* ---- move_group, mark_life ---- */

static void move_group(struct stream *stream, struct stream_id after, stream_done *done, void *context)
{
	struct call *call = begin(stream, MOVE_GROUP, context);
	char id[STREAM_ID_TEXT];

	call->told.done = done;
	stream_id_format(after, id);
	ask_one(call, on_done,
		(const char *const[]){"XGROUP", "SETID", call->stream->key, call->stream->group, id, NULL});
}

/* A group lives and dies with its stream; one that is ahead of every entry holds back nothing. */
static void mark_life(struct stream *stream, const char *life, stream_done *done, void *context)
{
	struct call *call = begin(stream, MARK_LIFE, context);
	char id[STREAM_ID_TEXT], *name;

	call->told.done = done;
	stream_id_format((struct stream_id){UINT64_MAX, UINT64_MAX}, id);
	if (asprintf(&name, "%s" STANDING_LIFE "%s", call->stream->group, life) < 0)
		abort();
	ask_one(call, on_done, (const char *const[]){"XGROUP", "CREATE", call->stream->key, name, id, NULL});
	free(name);
}

/* ---- claim ---- */

static void claim_some(struct call *call);

/* The cursor, the ids that were claimed and, since Redis 7, those that are gone. */
static bool is_claim(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_ARRAY && reply->elements >= 2 &&
	       reply->element[0]->type == REDIS_REPLY_STRING && reply->element[0]->len < STREAM_ID_TEXT &&
	       reply->element[1]->type == REDIS_REPLY_ARRAY &&
	       (reply->elements == 2 || reply->element[2]->type == REDIS_REPLY_ARRAY);
}

static void on_claimed(void *context, const redisReply *reply)
{
	struct call *call = context;
	struct redis_stream *stream = call->stream;

	if (!came(call, reply))
		return;
	if (!is_claim(reply)) {
		fail_with(call, reply);
		finish(call);
		return;
	}
	stream->claim.claimed += reply->element[1]->elements;
	stream->claim.lost += reply->elements > 2 ? reply->element[2]->elements : 0;
	snprintf(stream->cursor, sizeof stream->cursor, "%s", reply->element[0]->str);
	if (strcmp(stream->cursor, "0-0"))
		claim_some(call);
	else
		finish(call);
}

static void claim_some(struct call *call)
{
	const struct redis_stream *stream = call->stream;
	char idle_ms[24];

	snprintf(idle_ms, sizeof idle_ms, "%" PRId64, stream->claim_idle_ms);
	ask_one(call, on_claimed,
		(const char *const[]){"XAUTOCLAIM", stream->key, stream->group, stream->consumer, idle_ms,
				      stream->cursor, "COUNT", TEXT_OF(STREAM_READ_MAX), "JUSTID", NULL});
}

static void answer_claimed(struct call *call, const struct failure *failure)
{
	call->told.claimed(call->context, failure ? NULL : &call->stream->claim, failure);
}

static void claim(struct stream *stream, stream_claimed *done, void *context)
{
	struct call *call = begin(stream, CLAIM, context);

	call->told.claimed = done;
	call->stream->claim = (struct stream_claim){0};
	stream_id_format((struct stream_id){0}, call->stream->cursor);
	claim_some(call);
}

/* ---- read_pending, read_new ---- */

static struct stream_entries *entries_of(struct call *call)
{
	struct redis_stream *stream = call->stream;

	return call == &stream->calls[READ_PENDING] ? &stream->pending : &stream->fresh;
}

static void on_read(void *context, const redisReply *reply)
{
	struct call *call = context;

	if (!came(call, reply))
		return;
	if (!stream_entries_take(entries_of(call), reply))
		fail_with(call, reply);
	finish(call);
}

static void answer_was_read(struct call *call, const struct failure *failure)
{
	const struct stream_entries *entries = entries_of(call);

	call->told.was_read(call->context, failure ? NULL : entries->all, failure ? 0 : entries->count,
			    failure);
}

/* XREADGROUP waits only where it asks for new entries. */
static void read_pending(struct stream *stream, struct stream_id after, size_t max, stream_was_read *done,
			 void *context)
{
	struct call *call = begin(stream, READ_PENDING, context);
	const struct redis_stream *it = call->stream;
	char id[STREAM_ID_TEXT], count[DECIMAL_MAX + 1];

	call->told.was_read = done;
	stream_id_format(after, id);
	count[decimal_format_unsigned(max, count)] = '\0';
	ask_one(call, on_read,
		(const char *const[]){"XREADGROUP", "GROUP", it->group, it->consumer, "COUNT", count,
				      "STREAMS", it->key, id, NULL});
}

static void read_new(struct stream *stream, size_t max, stream_was_read *done, void *context)
{
	struct call *call = begin(stream, READ_NEW, context);
	const struct redis_stream *it = call->stream;
	char count[DECIMAL_MAX + 1];

	call->told.was_read = done;
	count[decimal_format_unsigned(max, count)] = '\0';
	ask_one(call, on_read,
		(const char *const[]){"XREADGROUP", "GROUP", it->group, it->consumer, "COUNT", count, "BLOCK",
				      TEXT_OF(STREAM_WAIT_MS), "STREAMS", it->key, ">", NULL});
}

/* ---- acknowledge ---- */

static void append_acknowledge(const struct redis_stream *stream, struct evbuffer *commands,
			       const struct stream_id *ids, size_t count)
{
	char id[STREAM_ID_TEXT];

	command_begin(commands, 3 + count);
	command_argument(commands, bytes_of("XACK"));
	command_argument(commands, bytes_of(stream->key));
	command_argument(commands, bytes_of(stream->group));
	for (size_t i = 0; i < count; i++) {
		stream_id_format(ids[i], id);
		command_argument(commands, bytes_of(id));
	}
}

static void acknowledge(struct stream *stream, const struct stream_id *ids, size_t count, stream_done *done,
			void *context)
{
	struct call *call = begin(stream, ACKNOWLEDGE, context);
	struct evbuffer *commands = must(evbuffer_new());
	size_t replies = 0;

	assert(count > 0);
	call->told.done = done;
	for (size_t i = 0; i < count; i += ACKNOWLEDGE_MAX, replies++)
		append_acknowledge(call->stream, commands, ids + i,
				   count - i < ACKNOWLEDGE_MAX ? count - i : ACKNOWLEDGE_MAX);
	ask(call, commands, replies, on_done);
}

/* ---- trim ---- */

static void trim(struct stream *stream, struct stream_id lowest, stream_done *done, void *context)
{
	struct call *call = begin(stream, TRIM, context);
	char id[STREAM_ID_TEXT];

	call->told.done = done;
	stream_id_format(lowest, id);
	ask_one(call, on_done, (const char *const[]){"XTRIM", call->stream->key, "MINID", "~", id, NULL});
}

/* ---- the connections ---- */

/* What became of the one before, which may be gone by itself, comes first; then, who we are now. */
static void on_identified(void *context, const redisReply *reply)
{
	struct link *link = context;

	if (!reply || --link->replies)
		return;
	client_identity_take(&link->identity, reply);
	redis_connection_settle(link->connection);
}

static void on_greeted(void *context)
{
	struct link *link = context;
	struct evbuffer *commands = must(evbuffer_new());

	link->replies = 1;
	if (*link->identity.id) {
		client_identity_kill(&link->identity, commands);
		link->replies++;
	}
	client_identity_ask(commands);
	redis_connection_request(link->connection, commands, link->replies, on_identified, link);
	evbuffer_free(commands);
}

static void on_heard(void *context, const redisReply *reply, size_t true_size)
{
	(void)context;
	(void)reply;
	(void)true_size; /* they do not listen */
}

static void on_lost(void *context, const char *cause)
{
	(void)context;
	(void)cause; /* calls under way were told */
}

static void link_init(struct link *link, const struct redis_settings *settings, const char *name,
		      const char *suffix)
{
	static const struct connection_user user = {on_greeted, on_heard, on_lost};

	if (asprintf(&link->name, "%s%s", name, suffix) < 0)
		abort();
	link->connection = redis_connection_new(settings, link->name, PAYLOAD_MAX, &user, link);
}

static void link_release(struct link *link)
{
	redis_connection_free(&link->connection);
	free(link->name);
}

/* ---- the whole ---- */

/*
 * What is pending is read only when no connection of ours waits unheard: what that is handed would come to be
 * pending behind our back.
 */
static void calls_init(struct redis_stream *stream, struct event_base *base)
{
	static void (*const answers[OPERATIONS])(struct call *, const struct failure *) = {
		[LOOK] = answer_looked,       [CREATE_GROUP] = answer_done, [MOVE_GROUP] = answer_done,
		[MARK_LIFE] = answer_done,    [CLAIM] = answer_claimed,     [READ_PENDING] = answer_was_read,
		[READ_NEW] = answer_was_read, [ACKNOWLEDGE] = answer_done,  [TRIM] = answer_done,
	};

	for (size_t i = 0; i < OPERATIONS; i++) {
		struct call *call = &stream->calls[i];

		call->stream = stream;
		call->link = i == READ_NEW ? &stream->waiting : &stream->asking;
		call->companion = i == READ_PENDING ? &stream->waiting : call->link;
		call->refusing = must(evtimer_new(base, on_refusing, call));
		call->answer = answers[i];
		call->expected = i == ACKNOWLEDGE || i == TRIM ? REDIS_REPLY_INTEGER : REDIS_REPLY_STATUS;
	}
}

struct redis_stream *redis_stream_new(const struct redis_settings *settings,
				      const struct redis_stream_config *config)
{
	static const struct stream_ops ops = {look,         create_group, move_group,  mark_life, claim,
					      read_pending, read_new,     acknowledge, trim};
	struct redis_stream *stream = must_alloc(sizeof *stream);

	assert(config->claim_idle_ms > 0);
	stream->stream.ops = &ops;
	stream->key = must(strdup(config->key));
	stream->group = must(strdup(config->group));
	stream->consumer = must(strdup(config->consumer));
	stream->claim_idle_ms = config->claim_idle_ms;
	link_init(&stream->asking, settings, config->name, "");
	link_init(&stream->waiting, settings, config->name, "-waiting");
	calls_init(stream, settings->base);
	return stream;
}

void redis_stream_free(struct redis_stream **stream)
{
	struct redis_stream *it = *stream;

	if (!it)
		return;
	link_release(&it->asking);
	link_release(&it->waiting);
	for (size_t i = 0; i < OPERATIONS; i++)
		event_free(it->calls[i].refusing);
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
