/* Properties for any bytes that a client may send: valid requests with some of their bytes changed. */
#include "entrypoints/http_server/http_reader.h"
#include "support/suites.h"

#include "core/base/arena.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS 20000

/* A fixed seed: every run sees the same bytes. */
static unsigned state = 20261128;

static unsigned below(unsigned end)
{
	return end ? (unsigned)rand_r(&state) % end : 0;
}

static const char *const seeds[] = {
	"GET /livez HTTP/1.1\r\nHost: localhost\r\nAccept: a\r\n\r\n",
	"POST /allocate HTTP/1.1\r\nHost: a:1\r\nContent-Length: 12\r\nExpect: 100-continue\r\n\r\n{\"qty\":1234}",
	"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\n{\"a\":\r\n3\r\n12}\r\n0\r\nX: a\r\n\r\n",
	"HEAD http://[::1]:5005/livez HTTP/1.1\r\nHost: [::1]:5005\r\nContent-Length: 2\r\n\r\n{}",
	"OPTIONS * HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
};

static const char changes[] = "\r\n\r\n\r\n  \t::;,0129aAfFxX+-./*\"\\#[]@\x01\x0b\x7f\x80\xff";

/* Several requests in a row, with a few bytes changed, added or removed. */
static struct bytes any_bytes(struct arena *arena)
{
	char *bytes = arena_alloc(arena, 4096);
	size_t size = 0;

	for (unsigned i = 1 + below(3); i > 0; i--) {
		const char *seed = seeds[below(COUNT(seeds))];

		memcpy(bytes + size, seed, strlen(seed));
		size += strlen(seed);
	}
	for (unsigned i = below(4); i > 0; i--) {
		size_t at = below((unsigned)size);
		char *place = bytes + at;

		switch (below(3)) {
		case 0: /* sizeof: the NUL, too */
			*place = changes[below(sizeof changes)];
			break;
		case 1:
			memmove(place + 1, place, size++ - at);
			*place = changes[below(sizeof changes)];
			break;
		default:
			memmove(place, place + 1, --size - at);
			break;
		}
	}
	return (struct bytes){bytes, size};
}

/* What the reader makes of the bytes: the rewritten requests, as text, and the last stage. */
struct reading {
	char *text;
	size_t size, requests;
	enum http_stage stage;
};

static void hand_on(struct http_reader *reader, struct reading *reading)
{
	while (http_reader_advance(reader) == HTTP_WHOLE) {
		struct bytes head, body;

		http_reader_request(reader, &head, &body);
		memcpy(reading->text + reading->size, head.data, head.size);
		reading->size += head.size;
		if (body.size > 0)
			memcpy(reading->text + reading->size, body.data, body.size);
		reading->size += body.size;
		reading->requests++;
		http_reader_next(reader);
	}
}

/* Reads the bytes in pieces of up to `piece` bytes. */
static struct reading read_all(struct bytes bytes, unsigned piece, struct arena *arena)
{
	struct reading reading = {.text = arena_alloc(arena, 16384)};
	struct http_reader reader;

	http_reader_init(&reader);
	for (size_t at = 0; at < bytes.size && reader.stage != HTTP_REFUSED;) {
		size_t size = 1 + below(piece);

		if (size > bytes.size - at)
			size = bytes.size - at;
		http_reader_add(&reader, (const char *)bytes.data + at, size);
		hand_on(&reader, &reading);
		at += size;
	}
	reading.stage = reader.stage;
	http_reader_release(&reader);
	return reading;
}

START_TEST(requests_in_pieces_are_read_as_requests_in_one)
{
	size_t refused = 0, requests = 0;

	for (int round = 0; round < ROUNDS; round++) {
		struct arena *arena = arena_new(65536);
		struct bytes bytes = any_bytes(arena);
		struct reading whole = read_all(bytes, 4096, arena),
			       pieces = read_all(bytes, 1 + below(40), arena);

		ck_assert_int_eq(pieces.stage, whole.stage);
		ck_assert_uint_eq(pieces.requests, whole.requests);
		ck_assert_mem_eq(pieces.text, whole.text, whole.size);
		refused += whole.stage == HTTP_REFUSED;
		requests += whole.requests;
		arena_free(&arena);
	}
	ck_assert_uint_gt(refused, ROUNDS / 10);
	ck_assert_uint_gt(requests, ROUNDS / 2);
}
END_TEST

START_TEST(rewritten_requests_are_read_as_the_same_requests)
{
	for (int round = 0; round < ROUNDS; round++) {
		struct arena *arena = arena_new(65536);
		struct reading first = read_all(any_bytes(arena), 4096, arena);
		struct reading again = read_all((struct bytes){first.text, first.size}, 4096, arena);

		ck_assert_int_eq(again.stage, HTTP_HEAD);
		ck_assert_uint_eq(again.requests, first.requests);
		ck_assert_uint_eq(again.size, first.size);
		ck_assert_mem_eq(again.text, first.text, first.size);
		arena_free(&arena);
	}
}
END_TEST

SUITE("http reader properties")
{
	tcase_add_test(tests, requests_in_pieces_are_read_as_requests_in_one);
	tcase_add_test(tests, rewritten_requests_are_read_as_the_same_requests);
}
