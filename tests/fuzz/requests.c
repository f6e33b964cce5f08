/*
 * Requests of HTTP: the first byte of an input is a size, the rest is what a client sends.
 *
 * Judges: the requests are the same in the smallest pieces, and in those that are larger by that size; and
 * what the server gets instead of them, read once more, is the same again, and cannot be misread.
 */
#include "core/base/must.h"
#include "entrypoints/http_server/http_reader.h"
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The requests that were read, written anew. */
struct requests {
	char *text;
	size_t size, count;
	enum http_stage stage;
};

static bool has(struct bytes head, const char *text)
{
	return memmem(head.data, head.size, text, strlen(text));
}

static void check_request(struct bytes head, struct bytes body)
{
	char length[64];

	snprintf(length, sizeof length, "Content-Length: %zu\r\n", body.size);
	fuzz_expect(head.size >= 4 && !memcmp((const char *)head.data + head.size - 4, "\r\n\r\n", 4),
		    "a head without its end");
	fuzz_expect(!memchr(head.data, '\0', head.size) && !has(head, "\n\n") && !has(head, "\r\r"),
		    "a head that can be misread");
	fuzz_expect(!body.size || has(head, length), "a body of %zu bytes under another length", body.size);
	fuzz_expect(body.size <= HTTP_BODY_MAX, "a body of %zu bytes", body.size);
}

static void read_requests(struct http_reader *reader, FILE *out, size_t *count)
{
	while (http_reader_advance(reader) == HTTP_WHOLE) {
		struct bytes head, body;

		http_reader_request(reader, &head, &body);
		check_request(head, body);
		fwrite(head.data, head.size, 1, out);
		if (body.size)
			fwrite(body.data, body.size, 1, out);
		++*count;
		http_reader_next(reader);
	}
	http_reader_must_ask(reader);
}

static struct requests read_in_pieces(struct bytes bytes, size_t piece)
{
	struct requests requests = {0};
	FILE *out = must(open_memstream(&requests.text, &requests.size));
	struct http_reader reader;

	http_reader_init(&reader);
	for (size_t at = 0; at < bytes.size && reader.stage != HTTP_REFUSED; at += piece) {
		size_t left = bytes.size - at;

		http_reader_add(&reader, (const char *)bytes.data + at, left < piece ? left : piece);
		read_requests(&reader, out, &requests.count);
	}
	requests.stage = reader.stage;
	fuzz_expect((reader.stage == HTTP_REFUSED) == (reader.refusal != NULL), "a refusal without a reason");
	http_reader_release(&reader);
	fclose(out);
	return requests;
}

static void expect_same(const struct requests *a, const struct requests *b, const char *how)
{
	fuzz_expect(a->count == b->count && a->size == b->size && !memcmp(a->text, b->text, a->size),
		    "%s: %zu requests:\n%s\nand not %zu:\n%s", how, b->count, b->text, a->count, a->text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t smallest = fuzz_smallest_piece(size);
	struct requests whole, other;

	if (size < 2)
		return 0;
	whole = read_in_pieces((struct bytes){data + 1, size - 1}, size);
	for (size_t piece = smallest; piece <= smallest + data[0]; piece += data[0] ? data[0] : 1U) {
		other = read_in_pieces((struct bytes){data + 1, size - 1}, piece);
		expect_same(&whole, &other, "in pieces");
		fuzz_expect(whole.stage == other.stage, "stage %d in pieces, and not %d", other.stage,
			    whole.stage);
		free(other.text);
	}
	other = read_in_pieces((struct bytes){whole.text, whole.size}, whole.size + 1);
	expect_same(&whole, &other, "once more");
	fuzz_expect(other.stage == HTTP_HEAD, "what is written anew ends at stage %d", other.stage);
	free(other.text);
	free(whole.text);
	return 0;
}
