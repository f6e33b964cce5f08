/*
 * The callbacks of hiredis' reader, and the guard.  hiredis buffers a value until it is complete, so the
 * guard checks the unparsed bytes whenever hiredis needs more.  A line must end within its bound; a long bulk
 * string bypasses hiredis, whose buffer is patched so that the string seems to end with it.
 */
#include "adapters/redis/protocol/resp_reader.h"

#include "core/base/decimal.h"
#include "core/base/must.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

/* Above the largest lengths that Redis can be configured to send: the peer is no Redis server. */
#define LENGTH_MAX   ((long long)1 << 40)
#define ELEMENTS_MAX ((uint64_t)1 << 29)

/* The most bytes that hiredis is fed at once: it buffers at most two slices and a line. */
#define SLICE_MAX ((size_t)4 * 1024)

/* The type in which hiredis passes the number of an array's elements. */
#if HIREDIS_MAJOR >= 1
typedef size_t element_count;
#else
typedef int element_count;
#endif

/* An array while it is parsed; the users of a reply see only the redisReply. */
struct array {
	redisReply reply;
	size_t kept;  /* elements that are part of the reply */
	size_t share; /* bytes that its bulk strings may still keep */
};

/* Stands for every value that its array does not keep, and keeps no elements itself. */
static struct array dropped;

/* ---- values: called by hiredis, which stops at NULL ---- */

static void *fail(const redisReadTask *task, const char *defect)
{
	struct resp_reader *reader = task->privdata;

	reader->defect = defect;
	return NULL;
}

static struct array *array_of(const redisReadTask *task)
{
	return task->parent ? task->parent->obj : NULL;
}

static bool is_dropped(const redisReadTask *task)
{
	return task->parent && (size_t)task->idx >= array_of(task)->kept;
}

static bool charge(const redisReadTask *task, size_t size)
{
	struct resp_reader *reader = task->privdata;

	if (size > reader->room)
		return fail(task, "a reply that is too large");
	reader->room -= size;
	return true;
}

/* Adds a value to its array, if it is in one.  `size` includes the struct and the text behind it. */
static redisReply *add_value(const redisReadTask *task, int type, size_t size)
{
	struct resp_reader *reader = task->privdata;
	redisReply *reply;

	if (!charge(task, RESP_VALUE_SIZE))
		return NULL;
	reply = arena_reserve(reader->arena, size);
	*reply = (redisReply){.type = type};
	if (task->parent)
		array_of(task)->reply.element[task->idx] = reply;
	return reply;
}

static size_t smaller(uint64_t left, size_t right)
{
	return left < right ? (size_t)left : right;
}

/* How many bytes are kept of the next bulk string of the array, if it is in one. */
static size_t claim_share(const redisReadTask *task, uint64_t size)
{
	const struct resp_reader *reader = task->privdata;
	struct array *array = array_of(task);
	size_t kept = smaller(size, reader->bulk_max);

	if (is_dropped(task))
		return 0;
	if (!array)
		return kept;
	kept = smaller(kept, array->share);
	array->share -= kept;
	return kept;
}

static void *set_text(redisReply *reply, char *text, size_t kept, uint64_t true_size)
{
	text[kept] = '\0';
	reply->str = text;
	reply->len = kept;
	reply->integer = (long long)true_size;
	return reply;
}

/* Stores the text behind its value. */
static void *add_text(const redisReadTask *task, const char *text, size_t kept, size_t size)
{
	redisReply *reply = charge(task, kept) ? add_value(task, task->type, sizeof *reply + kept + 1) : NULL;

	return reply ? set_text(reply, memcpy(reply + 1, text, kept), kept, size) : NULL;
}

/* hiredis passes the first bytes of the text; the guard has already stored the rest. */
static void *add_long_bulk(const redisReadTask *task, const struct long_bulk *bulk, const char *text,
			   size_t size)
{
	redisReply *reply = add_value(task, REDIS_REPLY_STRING, sizeof *reply);

	memcpy(bulk->text, text, smaller(size, bulk->kept));
	return reply ? set_text(reply, bulk->text, bulk->kept, bulk->true_size) : NULL;
}

/* hiredis waits for the two bytes behind the text, but does not check them. */
static void *create_bulk(const redisReadTask *task, const char *text, size_t size)
{
	struct resp_reader *reader = task->privdata;
	struct long_bulk bulk = reader->bulk;

	reader->bulk.true_size = 0;
	if (text[size] != '\r' || text[size + 1] != '\n')
		return fail(task, "a bulk string that does not end where its length says");
	if (is_dropped(task))
		return &dropped;
	if (bulk.true_size)
		return add_long_bulk(task, &bulk, text, size);
	return add_text(task, text, claim_share(task, size), size);
}

static void *create_string(const redisReadTask *task, char *text, size_t size)
{
	if (task->type == REDIS_REPLY_STRING)
		return create_bulk(task, text, size);
	if (task->type != REDIS_REPLY_STATUS && task->type != REDIS_REPLY_ERROR)
		return fail(task, "a value of a type that RESP2 does not have");
	if (size + strlen("+\r\n") > RESP_LINE_MAX)
		return fail(task, "a line that is too long");
	if (memchr(text, '\n', size))
		return fail(task, "a line that does not end with CR LF");
	return is_dropped(task) ? &dropped : add_text(task, text, size, size);
}

static void *create_array(const redisReadTask *task, element_count count)
{
	struct resp_reader *reader = task->privdata;
	size_t kept = smaller((size_t)count, RESP_ARRAY_MAX);
	struct array *array;

	if (task->type != REDIS_REPLY_ARRAY)
		return fail(task, "a value of a type that RESP2 does not have");
	if ((uint64_t)count > ELEMENTS_MAX)
		return fail(task, "an array that is too long");
	if (count && reader->hiredis->ridx >= RESP_DEPTH_MAX)
		return fail(task, "arrays that are nested too deeply");
	if (is_dropped(task))
		return &dropped;
	array = (struct array *)add_value(task, REDIS_REPLY_ARRAY, sizeof *array);
	if (!array)
		return NULL;
	array->reply.elements = array->kept = kept;
	array->reply.element = arena_alloc(reader->arena, kept * sizeof *array->reply.element);
	array->share = RESP_SHARE(reader->bulk_max);
	return array;
}

static void *create_integer(const redisReadTask *task, long long number)
{
	redisReply *reply;

	if (is_dropped(task))
		return &dropped;
	reply = add_value(task, REDIS_REPLY_INTEGER, sizeof *reply);
	if (reply)
		reply->integer = number;
	return reply;
}

static void *create_nil(const redisReadTask *task)
{
	if (task->type != REDIS_REPLY_STRING && task->type != REDIS_REPLY_ARRAY)
		return fail(task, "a value of a type that RESP2 does not have");
	return is_dropped(task) ? &dropped.reply : add_value(task, REDIS_REPLY_NIL, sizeof(redisReply));
}

#if HIREDIS_MAJOR >= 1
static void *refuse_double(const redisReadTask *task, double number, char *text, size_t size)
{
	(void)number;
	(void)text;
	(void)size;
	return fail(task, "a value of a type that RESP2 does not have");
}

static void *refuse_bool(const redisReadTask *task, int value)
{
	(void)value;
	return fail(task, "a value of a type that RESP2 does not have");
}
#endif

static redisReplyObjectFunctions functions = {
	.createString = create_string,
	.createArray = create_array,
	.createInteger = create_integer,
	.createNil = create_nil,
#if HIREDIS_MAJOR >= 1
	.createDouble = refuse_double,
	.createBool = refuse_bool,
#endif
};

void resp_reader_init(struct resp_reader *reader, size_t bulk_max, struct arena *arena)
{
	*reader = (struct resp_reader){.bulk_max = bulk_max, .arena = arena, .needs_bytes = true};
	reader->hiredis = must(redisReaderCreateWithFunctions(&functions));
	reader->hiredis->privdata = reader;
	reader->hiredis->maxbuf = 0; /* keep the buffer: the guard bounds it */
}

void resp_reader_release(struct resp_reader *reader)
{
	if (reader->hiredis)
		redisReaderFree(reader->hiredis);
	reader->hiredis = NULL;
}

/* ---- the guard ---- */

static const redisReadTask *current_task(const redisReader *hiredis)
{
#if HIREDIS_MAJOR >= 1
	return hiredis->task[hiredis->ridx];
#else
	return &hiredis->rstack[hiredis->ridx];
#endif
}

/*
 * Makes the rest of a bulk string bypass hiredis, which was fed the first `fed` bytes of it.  The digits of
 * its length end before `end`; they are overwritten with `fed`, so hiredis expects no more bytes of it.
 */
static void begin_long_bulk(struct resp_reader *reader, char *end, uint64_t length, size_t fed)
{
	redisReader *hiredis = reader->hiredis;
	const redisReadTask *task = current_task(hiredis);
	struct long_bulk *bulk = &reader->bulk;
	char digits[DECIMAL_MAX];
	size_t count = decimal_format_unsigned(fed, digits);

	memcpy(end - count, digits, count);
	hiredis->pos = (size_t)(end - count - hiredis->buf);
	bulk->true_size = length;
	bulk->kept = claim_share(task, length);
	bulk->to_keep = bulk->kept > fed ? bulk->kept - fed : 0;
	bulk->to_drop = length - fed - bulk->to_keep;
	if (!is_dropped(task) && charge(task, bulk->kept))
		bulk->text = arena_reserve(reader->arena, bulk->kept + 1);
}

/* hiredis has consumed all whole lines, except the length of a bulk string that is incomplete. */
static void check_pending(struct resp_reader *reader)
{
	redisReader *hiredis = reader->hiredis;
	char *line = hiredis->buf + hiredis->pos, *newline;
	size_t size = hiredis->len - hiredis->pos, fed;
	long long length;

	newline = memchr(line, '\n', size);
	if (!newline) {
		if (size + strlen("+") > RESP_LINE_MAX)
			reader->defect = "a line that is too long";
		return;
	}
	if (newline == line || newline[-1] != '\r') {
		reader->defect = "a line that does not end with CR LF";
		return;
	}
	/*
	 * hiredis 1 also waits for the text of a RESP3 verbatim string ("=15").  No test covers this, because
	 * hiredis 0.14 refuses the "=" itself.
	 */
	if (current_task(hiredis)->type != REDIS_REPLY_STRING) {
		reader->defect = "a value of a type that RESP2 does not have";
		return;
	}
	length = strtoll(line, NULL, 10);
	fed = size - (size_t)(newline + 1 - line);
	if (length > LENGTH_MAX)
		reader->defect = "a bulk string that is too long";
	else if ((uint64_t)length > fed + SLICE_MAX)
		begin_long_bulk(reader, newline - 1, (uint64_t)length, fed);
}

/* ---- reading ---- */

/* Returns whether a reply is complete. */
static bool parse(struct resp_reader *reader)
{
	void *reply;

	if (reader->hiredis->ridx < 0) {
		arena_clear(reader->arena);
		reader->room = RESP_REPLY_MAX(reader->bulk_max);
	}
	if (redisReaderGetReply(reader->hiredis, &reply) != REDIS_OK) {
		if (!reader->defect && reader->hiredis->err == REDIS_ERR_OOM)
			must(NULL);
		if (!reader->defect)
			reader->defect = reader->hiredis->errstr;
		return false;
	}
	reader->reply = reply;
	reader->needs_bytes = !reply;
	if (!reply)
		check_pending(reader);
	return reply != NULL;
}

/* Returns how many of the bytes belong to the part of the bulk string that is read now. */
static size_t feed_long_bulk(struct long_bulk *bulk, const char *data, size_t size)
{
	size_t count = smaller(bulk->to_keep ? bulk->to_keep : bulk->to_drop, size);

	if (bulk->to_keep) {
		memcpy(bulk->text + bulk->kept - bulk->to_keep, data, count);
		bulk->to_keep -= count;
	} else {
		bulk->to_drop -= count;
	}
	return count;
}

/* Returns how many of the bytes were used. */
static size_t feed(struct resp_reader *reader, const char *data, size_t size)
{
	size_t count = smaller(size, SLICE_MAX);

	if (reader->bulk.to_keep || reader->bulk.to_drop)
		return feed_long_bulk(&reader->bulk, data, size);
	if (redisReaderFeed(reader->hiredis, data, count) != REDIS_OK)
		must(NULL);
	reader->needs_bytes = false;
	return count;
}

enum resp_progress resp_reader_next(struct resp_reader *reader, const char *data, size_t size, size_t *used)
{
	for (*used = 0; !reader->defect; *used += feed(reader, data + *used, size - *used)) {
		if (!reader->needs_bytes && parse(reader))
			return RESP_WHOLE;
		if (reader->defect)
			break;
		if (*used == size)
			return RESP_MORE;
	}
	return RESP_BROKEN;
}

bool resp_reader_has_unread(const struct resp_reader *reader)
{
	return reader->hiredis && !reader->needs_bytes && reader->hiredis->pos < reader->hiredis->len;
}

bool resp_is_text(const redisReply *reply, const char *text)
{
	size_t i = 0;

	if (reply->type != REDIS_REPLY_STRING)
		return false;
	while (i < reply->len && text[i] && reply->str[i] == text[i])
		i++;
	return i == reply->len && !text[i];
}
