/*
 * What Redis sends.  The first byte of an input is a size, the rest are the bytes on the wire.
 *
 * Judges: hiredis alone reads the same replies; they are the same in the smallest pieces, and in those that
 * are larger by that size; and what is found in them keeps the bounds that its header states.
 */
#include "adapters/redis/connection/handshake.h"
#include "adapters/redis/discovery/cluster_nodes.h"
#include "adapters/redis/protocol/redis_error.h"
#include "adapters/redis/protocol/resp_reader.h"
#include "adapters/redis/publisher/fence.h"
#include "adapters/redis/stream/stream_entries.h"
#include "adapters/redis/stream/stream_info.h"
#include "bus/ports/codec.h"
#include "core/base/must.h"
#include "core/base/utf8.h"
#include "fuzz.h"

#include <event2/buffer.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

/* Few bytes of a bulk string are kept in pieces, so that the bounds matter in short inputs. */
#define FEW 16

/* The replies to a stream of bytes, as text. */
struct replies {
	char *text;
	size_t size;
	FILE *out;
	uint64_t true_size; /* of all texts, also where only their beginnings are kept */
	bool is_broken;
};

static void replies_begin(struct replies *replies)
{
	*replies = (struct replies){0};
	replies->out = must(open_memstream(&replies->text, &replies->size));
}

static uint64_t true_size_of(const redisReply *reply)
{
	uint64_t size = reply->type == REDIS_REPLY_STRING ? (uint64_t)reply->integer : 0;

	for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
		size += true_size_of(reply->element[i]);
	return size;
}

/* hiredis 1 has more kinds of arrays than hiredis 0.14, for RESP3, and some of its replies have no text. */
static void write_reply(FILE *out, const redisReply *reply)
{
	fprintf(out, "%d ", reply->type);
	if (reply->type == REDIS_REPLY_INTEGER)
		fprintf(out, "%lld", reply->integer);
	else
		fprintf(out, "of %zu, %zu: ", reply->elements, reply->len);
	for (size_t i = 0; i < reply->elements; i++)
		write_reply(out, reply->element[i]);
	if (reply->len)
		fwrite(reply->str, reply->len, 1, out);
	fputc('\n', out);
}

/* ---- what is found in a reply ---- */

static bool is_printable_ascii(const char *text)
{
	while (*text >= ' ' && *text <= '~')
		text++;
	return !*text;
}

static void look_for_an_error(const redisReply *reply)
{
	char text[128];
	const redisReply *error = NULL;
	enum redis_error_kind kind = redis_error_kind_of(reply, &error);

	redis_error_describe(reply, text, sizeof text);
	fuzz_expect((*text || !*reply->str) && is_printable_ascii(text),
		    "an error is not one line of ASCII: %s", text);
	fuzz_expect(kind == REDIS_ERROR_OF_COMMAND || (error && error->type == REDIS_REPLY_ERROR),
		    "kind %d is that of no error", kind);
	if (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_INTEGER)
		fuzz_expect(kind == REDIS_ERROR_OF_COMMAND, "a value has the kind of an error");
}

static void look_for_entries(const redisReply *reply)
{
	static struct stream_entries entries;

	if (!stream_entries_parse(&entries, reply)) {
		fuzz_expect(!entries.count, "entries of a reply that is refused");
		return;
	}
	fuzz_expect(entries.count <= STREAM_READ_MAX, "too many entries");
	for (size_t i = 0; i < entries.count; i++) {
		const struct stream_entry *entry = &entries.all[i];

		fuzz_expect(entry->gone + (entry->type != MSG_NONE) + (entry->defect != NULL) > 0,
			    "an entry is neither a command nor refused");
		fuzz_expect(!entry->defect || is_printable_ascii(entry->defect), "defect: %s", entry->defect);
		fuzz_expect(entry->payload.size <= PAYLOAD_MAX &&
				    entry->payload.size <= entry->payload_size &&
				    entry->payload_size <= entry->whole_size,
			    "sizes of an entry");
		fuzz_expect(!entry->message_id || utf8_is_valid(entry->message_id, strlen(entry->message_id)),
			    "an id that is no text");
	}
}

static void look_for_nodes(const redisReply *reply)
{
	struct cluster_nodes nodes;
	struct cluster_node node;

	if (cluster_read_moved(reply, &node))
		fuzz_expect(reply->type == REDIS_REPLY_ERROR && node.port, "a node of no error");
	cluster_read_nodes(reply, &nodes);
	fuzz_expect(nodes.count <= CLUSTER_NODES_MAX, "too many nodes");
	for (size_t i = 0; i < nodes.count; i++)
		fuzz_expect(*nodes.nodes[i].host && nodes.nodes[i].port &&
				    !strpbrk(nodes.nodes[i].host, " \n"),
			    "a node without an address: %s", nodes.nodes[i].host);
}

static void look_for_the_fence(const redisReply *reply)
{
	struct fence_answer answer = fence_answer_of(reply, 7);

	if (answer.unheard)
		fuzz_expect(answer.unheard->type == REDIS_REPLY_ARRAY, "an answer without its list");
	else
		fuzz_expect(answer.position == 7 && answer.refusal == reply, "an answer of no script");
}

/* ---- what is found in several replies ---- */

/* XINFO STREAM, XINFO GROUPS, XPENDING for each group, and XRANGE: one reply each. */
struct look {
	struct stream_info info;
	size_t replies;
	bool is_over;
};

static void look_at_stream(struct look *look, const redisReply *reply)
{
	struct stream_info *info = &look->info;

	if (look->is_over)
		return;
	if (look->replies == 0)
		look->is_over = !stream_info_begin(info, reply);
	else if (look->replies == 1)
		look->is_over = !stream_info_parse_groups(info, reply, "allocd");
	else if (info->parsed < info->groups)
		look->is_over = !stream_info_parse_pending(info, reply, "worker");
	else
		look->is_over = true;
	if (look->replies == 1 && !look->is_over && reply->type == REDIS_REPLY_ARRAY)
		for (size_t i = 0; i < info->groups; i++)
			fuzz_expect(stream_info_group(reply, i).data, "a group without a name");
	if (look->is_over && look->replies > 1 && stream_info_has_unread(info)) {
		stream_info_parse_unread(info, reply);
		fuzz_expect(info->state.has_group, "unread entries without a group");
	}
	fuzz_expect(strlen(info->state.lives) < STREAM_LIVES_MAX, "too many lives");
	look->replies++;
}

struct greeting {
	struct handshake handshake;
	bool is_over;
};

static void begin_greeting(struct greeting *greeting)
{
	static char user[] = "u", password[] = "p";
	const struct redis_url url = {.user = user, .password = password, .database = 1};
	static const struct handshake_demands demands = {.prefix = "{a}:"};
	struct evbuffer *out = must(evbuffer_new());

	handshake_begin(&greeting->handshake, &url, "allocd", &demands, out);
	evbuffer_free(out);
	greeting->is_over = false;
}

static void greet(struct greeting *greeting, const redisReply *reply)
{
	char error[256] = "";

	if (greeting->is_over || greeting->handshake.answered == greeting->handshake.count)
		return;
	if (handshake_receive(&greeting->handshake, reply, error, sizeof error))
		return;
	greeting->is_over = true;
	fuzz_expect(*error && utf8_is_valid(error, strlen(error)) && !strchr(error, '\n'), "error: %s",
		    error);
}

/* ---- reading ---- */

/* Reads in pieces of that size, keeping `bulk_max` bytes of each text. */
static void read_in_pieces(struct bytes wire, size_t piece, size_t bulk_max, struct replies *replies)
{
	static struct look look;
	struct greeting greeting;
	struct arena *arena = arena_new(1024);
	struct resp_reader reader;
	const char *at = wire.data, *end = at + wire.size;
	enum resp_progress progress = RESP_MORE;
	size_t used;

	look = (struct look){0};
	begin_greeting(&greeting);
	replies_begin(replies);
	resp_reader_init(&reader, bulk_max, arena);
	while (progress == RESP_WHOLE || (progress == RESP_MORE && at < end)) {
		size_t size = (size_t)(end - at) < piece ? (size_t)(end - at) : piece;

		progress = resp_reader_next(&reader, at, size, &used);
		fuzz_expect(used <= size, "more bytes were used than there are");
		at += used;
		if (progress != RESP_WHOLE)
			continue;
		write_reply(replies->out, reader.reply);
		replies->true_size += true_size_of(reader.reply);
		look_for_an_error(reader.reply);
		look_for_entries(reader.reply);
		look_for_nodes(reader.reply);
		look_for_the_fence(reader.reply);
		handshake_is_replica(reader.reply);
		look_at_stream(&look, reader.reply);
		greet(&greeting, reader.reply);
	}
	replies->is_broken = progress == RESP_BROKEN;
	fuzz_expect(progress != RESP_MORE || !resp_reader_has_unread(&reader), "a reply is left unread");
	fuzz_expect(!replies->is_broken || reader.defect, "a stream is broken without a defect");
	resp_reader_release(&reader);
	arena_free(&arena);
	fclose(replies->out);
}

/* hiredis reserves memory for each length that it is sent, and keeps all of a long array. */
static bool may_have_long_arrays(struct bytes wire)
{
	const char *at = wire.data, *end = at + wire.size;

	while ((at = memchr(at, '*', (size_t)(end - at)))) {
		const char *digits = ++at;

		while (at < end && *at >= '0' && *at <= '9')
			at++;
		if (at - digits > 3)
			return true;
	}
	return false;
}

static void read_by_hiredis(struct bytes wire, struct replies *replies)
{
	redisReader *hiredis = must(redisReaderCreate());
	void *reply;
	int status;

	replies_begin(replies);
	redisReaderFeed(hiredis, wire.data, wire.size);
	while ((status = redisReaderGetReply(hiredis, &reply)) == REDIS_OK && reply) {
		write_reply(replies->out, reply);
		freeReplyObject(reply);
	}
	replies->is_broken = status != REDIS_OK;
	redisReaderFree(hiredis);
	fclose(replies->out);
}

static bool is_beginning(const struct replies *some, const struct replies *all)
{
	return some->size <= all->size && !memcmp(some->text, all->text, some->size);
}

static bool is_same(const struct replies *a, const struct replies *b)
{
	return a->size == b->size && is_beginning(a, b) && a->is_broken == b->is_broken;
}

/* Where this reader refuses bytes, hiredis may continue. */
static void compare_with_hiredis(struct bytes wire, const struct replies *whole)
{
	struct replies hiredis;

	if (may_have_long_arrays(wire))
		return;
	read_by_hiredis(wire, &hiredis);
	fuzz_expect(whole->is_broken ? is_beginning(whole, &hiredis) : is_same(whole, &hiredis),
		    "hiredis reads:\n%s\nand not:\n%s", hiredis.text, whole->text);
	free(hiredis.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes wire = {data + 1, size - 1};
	struct replies whole, smallest, shortened, pieces;

	if (size < 2)
		return 0;
	read_in_pieces(wire, wire.size, PAYLOAD_MAX, &whole);
	compare_with_hiredis(wire, &whole);
	read_in_pieces(wire, fuzz_smallest_piece(wire.size), PAYLOAD_MAX, &smallest);
	fuzz_expect(is_same(&whole, &smallest), "in the smallest pieces:\n%s\nand not:\n%s", smallest.text,
		    whole.text);
	read_in_pieces(wire, wire.size, FEW, &shortened);
	read_in_pieces(wire, fuzz_smallest_piece(wire.size) + data[0], FEW, &pieces);
	fuzz_expect(is_same(&shortened, &pieces), "in pieces:\n%s\nand not:\n%s", pieces.text,
		    shortened.text);
	fuzz_expect(shortened.true_size == whole.true_size, "shortened texts have another size");
	free(pieces.text);
	free(shortened.text);
	free(smallest.text);
	free(whole.text);
	return 0;
}
