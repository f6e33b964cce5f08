/* Reads the requests of one connection from its bytes. */
#include "entrypoints/http_server/http_reader.h"

#include "core/base/must.h"
#include "entrypoints/http/http_answer.h"

#include <ctype.h>
#include <string.h>

/* Maximum length of a line with a chunk's size and its extensions, and of the size's digits. */
#define CHUNK_LINE_MAX   256
#define CHUNK_DIGITS_MAX 16

/* Maximum number of empty lines before a request; some clients send one after a body. */
#define EMPTY_LINES_MAX 2

static const struct http_refusal no_request = {400, PROBLEM_MALFORMED_REQUEST, "Expected a request"};
static const struct http_refusal body_too_large = {413, PROBLEM_TOO_LARGE,
						   "Expected a body of 64 KiB at most"};
static const struct http_refusal bad_chunk = {
	400, PROBLEM_MALFORMED_REQUEST,
	"Expected chunks: a size in hexadecimal digits, CR and LF, that number of bytes, CR and LF"};

void http_reader_init(struct http_reader *reader)
{
	*reader = (struct http_reader){0};
}

void http_reader_release(struct http_reader *reader)
{
	free(reader->bytes);
	free(reader->head.text);
	http_reader_init(reader);
}

static enum http_stage refuse(struct http_reader *reader, const struct http_refusal *refusal)
{
	bool is_head = reader->head.is_head;

	http_reader_release(reader);
	reader->head.is_head = is_head;
	reader->refusal = refusal;
	return HTTP_REFUSED;
}

/* ---- the bytes ---- */

static size_t unread(const struct http_reader *reader)
{
	return reader->size - reader->at;
}

/* Drops the bytes that were read and do not belong to the body before it grows. */
static void make_room(struct http_reader *reader, size_t size)
{
	size_t left = unread(reader);

	if (left > 0)
		memmove(reader->bytes + reader->body_size, reader->bytes + reader->at, left);
	reader->at = reader->body_size;
	reader->size = reader->at + left;
	if (reader->room - reader->size >= size)
		return;
	reader->room = 2 * (reader->size + size);
	reader->bytes = must(realloc(reader->bytes, reader->room));
}

void http_reader_add(struct http_reader *reader, const void *bytes, size_t size)
{
	if (reader->stage == HTTP_REFUSED)
		return;
	if (reader->room - reader->size < size)
		make_room(reader, size);
	memcpy(reader->bytes + reader->size, bytes, size);
	reader->size += size;
}

static void skip(struct http_reader *reader, size_t size)
{
	reader->at += size;
	reader->searched = 0;
}

/* Appends the next bytes to the body. */
static void keep(struct http_reader *reader, size_t size)
{
	memmove(reader->bytes + reader->body_size, reader->bytes + reader->at, size);
	reader->body_size += size;
	skip(reader, size);
}

/* ---- lines ---- */

enum line { LINE_UNFINISHED, LINE_FOUND, LINE_MALFORMED };

/* Finds the line that begins at `from`; `size` excludes its CR and LF. */
static enum line find_line(struct http_reader *reader, size_t from, size_t *size)
{
	size_t searched = reader->at + reader->searched;
	const char *end = NULL, *begin;

	if (searched < from)
		searched = from;
	if (searched < reader->size)
		end = memchr(reader->bytes + searched, '\n', reader->size - searched);
	if (!end) {
		reader->searched = unread(reader);
		return LINE_UNFINISHED;
	}
	begin = reader->bytes + from;
	if (end == begin || end[-1] != '\r')
		return LINE_MALFORMED;
	*size = (size_t)(end - begin) - 1;
	return LINE_FOUND;
}

/* ---- the head ---- */

static enum http_stage begin_body(struct http_reader *reader)
{
	reader->is_continued = !reader->head.expects_continue;
	switch (reader->head.framing) {
	case HTTP_NO_BODY:
		return HTTP_WHOLE;
	case HTTP_SIZED_BODY:
		if (reader->head.body_size > HTTP_BODY_MAX)
			return refuse(reader, &body_too_large);
		return HTTP_SIZED;
	case HTTP_CHUNKED_BODY:
		break;
	}
	return HTTP_CHUNK_SIZE;
}

static enum http_stage read_head(struct http_reader *reader, size_t size)
{
	const struct http_refusal *refusal = http_head_read(&reader->head, reader->bytes + reader->at, size);

	if (refusal)
		return refuse(reader, refusal);
	skip(reader, size);
	reader->line_total = 0;
	return begin_body(reader);
}

static enum http_stage skip_empty_line(struct http_reader *reader)
{
	if (++reader->empty_lines > EMPTY_LINES_MAX)
		return refuse(reader, &no_request);
	skip(reader, 2);
	return HTTP_HEAD;
}

/* Reads line by line, so that a wrong end of a line is refused before the end of the head arrives. */
static enum http_stage find_head_line(struct http_reader *reader)
{
	size_t size;

	switch (find_line(reader, reader->at + reader->line_total, &size)) {
	case LINE_MALFORMED:
		return refuse(reader, &http_line_end_refused);
	case LINE_UNFINISHED:
		return unread(reader) > HTTP_HEAD_MAX ? refuse(reader, &http_head_too_large) : HTTP_HEAD;
	case LINE_FOUND:
		break;
	}
	if (size == 0 && reader->line_total == 0)
		return skip_empty_line(reader);
	reader->line_total += size + 2;
	if (reader->line_total > HTTP_HEAD_MAX)
		return refuse(reader, &http_head_too_large);
	return size == 0 ? read_head(reader, reader->line_total) : HTTP_HEAD;
}

/* ---- chunks ---- */

/* Parses a chunk's size; extensions may follow its digits, and are ignored. */
static bool parse_chunk_size(const char *line, size_t size, uint64_t *chunk)
{
	size_t digits = 0;

	*chunk = 0;
	for (; digits < size && isxdigit((unsigned char)line[digits]); digits++) {
		int byte = tolower((unsigned char)line[digits]);

		*chunk = *chunk * 16 + (uint64_t)(byte <= '9' ? byte - '0' : byte - 'a' + 10);
		if (digits == CHUNK_DIGITS_MAX)
			return false;
	}
	if (digits == 0 || (digits < size && line[digits] != ';'))
		return false;
	for (size_t i = digits; i < size; i++) {
		if ((line[i] < ' ' && line[i] >= 0 && line[i] != '\t') || line[i] == 0x7f)
			return false;
	}
	return true;
}

static enum http_stage read_chunk_size(struct http_reader *reader)
{
	size_t size;
	uint64_t chunk;

	switch (find_line(reader, reader->at, &size)) {
	case LINE_MALFORMED:
		return refuse(reader, &http_line_end_refused);
	case LINE_UNFINISHED:
		return unread(reader) > CHUNK_LINE_MAX + strlen("\r") ? refuse(reader, &bad_chunk)
								      : HTTP_CHUNK_SIZE;
	case LINE_FOUND:
		break;
	}
	if (size > CHUNK_LINE_MAX || !parse_chunk_size(reader->bytes + reader->at, size, &chunk))
		return refuse(reader, &bad_chunk);
	if (chunk > HTTP_BODY_MAX - reader->body_size)
		return refuse(reader, &body_too_large);
	skip(reader, size + 2);
	reader->chunk_left = (size_t)chunk;
	return chunk ? HTTP_CHUNK : HTTP_TRAILERS;
}

static enum http_stage read_chunk(struct http_reader *reader)
{
	size_t size = unread(reader) < reader->chunk_left ? unread(reader) : reader->chunk_left;

	keep(reader, size);
	reader->chunk_left -= size;
	return reader->chunk_left ? HTTP_CHUNK : HTTP_CHUNK_END;
}

static enum http_stage read_chunk_end(struct http_reader *reader)
{
	const char *end = reader->bytes + reader->at;

	if (unread(reader) > 0 && end[0] != '\r')
		return refuse(reader, &bad_chunk);
	if (unread(reader) < 2)
		return HTTP_CHUNK_END;
	if (end[1] != '\n')
		return refuse(reader, &bad_chunk);
	skip(reader, 2);
	return HTTP_CHUNK_SIZE;
}

/* Trailers are checked and dropped. */
static enum http_stage read_trailer(struct http_reader *reader)
{
	const struct http_refusal *refusal;
	size_t size;

	switch (find_line(reader, reader->at, &size)) {
	case LINE_MALFORMED:
		return refuse(reader, &http_line_end_refused);
	case LINE_UNFINISHED:
		return reader->line_total + unread(reader) > HTTP_HEAD_MAX
			       ? refuse(reader, &http_head_too_large)
			       : HTTP_TRAILERS;
	case LINE_FOUND:
		break;
	}
	reader->line_total += size + 2;
	refusal = reader->line_total > HTTP_HEAD_MAX ? &http_head_too_large : NULL;
	if (!refusal && size > 0)
		refusal = http_trailer_check(reader->bytes + reader->at, size);
	if (refusal)
		return refuse(reader, refusal);
	skip(reader, size + 2);
	return size == 0 ? HTTP_WHOLE : HTTP_TRAILERS;
}

/* ---- a body whose size is known ---- */

static enum http_stage read_sized(struct http_reader *reader)
{
	size_t left = (size_t)reader->head.body_size - reader->body_size;

	keep(reader, unread(reader) < left ? unread(reader) : left);
	return reader->body_size == reader->head.body_size ? HTTP_WHOLE : HTTP_SIZED;
}

/* ---- the whole ---- */

static enum http_stage read_stage(struct http_reader *reader)
{
	switch (reader->stage) {
	case HTTP_HEAD:
		return find_head_line(reader);
	case HTTP_SIZED:
		return read_sized(reader);
	case HTTP_CHUNK_SIZE:
		return read_chunk_size(reader);
	case HTTP_CHUNK:
		return read_chunk(reader);
	case HTTP_CHUNK_END:
		return read_chunk_end(reader);
	case HTTP_TRAILERS:
		return read_trailer(reader);
	case HTTP_WHOLE:
	case HTTP_REFUSED:
		break;
	}
	return reader->stage;
}

enum http_stage http_reader_advance(struct http_reader *reader)
{
	enum http_stage before;
	size_t left, lines;

	do {
		before = reader->stage;
		left = unread(reader);
		lines = reader->line_total;
		reader->stage = read_stage(reader);
	} while (reader->stage != before || unread(reader) != left || reader->line_total != lines);
	return reader->stage;
}

/* A client that sends the body without waiting needs no answer to its expectation. */
bool http_reader_must_ask(struct http_reader *reader)
{
	bool must_ask = !reader->is_continued && reader->stage != HTTP_HEAD && reader->stage < HTTP_WHOLE &&
			reader->body_size == 0 && unread(reader) == 0;

	if (reader->stage != HTTP_HEAD)
		reader->is_continued = true;
	return must_ask;
}

void http_reader_request(const struct http_reader *reader, struct bytes *head, struct bytes *body)
{
	char *end = reader->head.text + reader->head.text_size;
	int size;

	*body = (struct bytes){reader->bytes, reader->head.takes_body ? reader->body_size : 0};
	size = snprintf(end, HTTP_HEAD_TAIL, "Content-Length: %zu\r\n\r\n", body->size);
	*head = (struct bytes){reader->head.text, reader->head.text_size + (size_t)size};
}

void http_reader_next(struct http_reader *reader)
{
	struct http_reader next = {
		.bytes = reader->bytes, .at = reader->at, .size = reader->size, .room = reader->room};

	free(reader->head.text);
	if (reader->at == reader->size) {
		free(reader->bytes);
		next = (struct http_reader){0};
	}
	*reader = next;
}
