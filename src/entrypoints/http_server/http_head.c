/* The head of a request, read as strictly as RFC 9112 allows. */
#include "entrypoints/http_server/http_head.h"

#include "core/base/must.h"
#include "entrypoints/http/http_answer.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define MALFORMED(name, text) static const struct http_refusal name = {400, PROBLEM_MALFORMED_REQUEST, text}

const struct http_refusal http_line_end_refused = {400, PROBLEM_MALFORMED_REQUEST,
						   "Expected CR and LF at the end of each line"};
const struct http_refusal http_head_too_large = {431, PROBLEM_HEAD_TOO_LARGE,
						 "Expected a header of 16 KiB and 100 fields at most"};

MALFORMED(no_request_line, "Expected a request line: METHOD TARGET HTTP/1.1");
MALFORMED(bad_target, "Expected a target that begins with a slash, or a URL of this host");
MALFORMED(bad_field, "Expected NAME: VALUE in each line of the header, without blanks before the colon");
MALFORMED(folded_field, "Expected each field of the header in one line");
MALFORMED(bad_length, "Expected one Content-Length of decimal digits");
MALFORMED(bad_coding, "Expected no Transfer-Encoding but chunked, once, in HTTP/1.1");
MALFORMED(two_lengths, "Expected either Content-Length or Transfer-Encoding");
MALFORMED(bad_host, "Expected exactly one Host, a name or an address with or without a port");
MALFORMED(other_host, "Expected the host of the target in Host, too");
MALFORMED(bad_trailer, "Expected no field behind the body about its length or the host");
static const struct http_refusal other_version = {505, PROBLEM_VERSION, "Expected HTTP/1.1 or HTTP/1.0"};
static const struct http_refusal bad_expectation = {417, PROBLEM_EXPECTATION,
						    "Expected Expect: 100-continue"};
static const struct http_refusal is_connect = {501, PROBLEM_NOT_IMPLEMENTED, "CONNECT is not served"};

/* Consecutive bytes of the head. */
struct head_span {
	const char *at;
	size_t size;
};

static bool is(struct head_span span, const char *text)
{
	return span.size == strlen(text) && strncasecmp(span.at, text, span.size) == 0;
}

/* The parts of the head that were found so far. */
struct head_reading {
	struct http_head *head;
	struct head_span method, target, version,
		authority; /* `authority`: that of a target that is a URL, or empty */
	struct head_span host, length, coding, expectation;
	size_t hosts, lengths, codings;
	size_t fields;
};

/* ---- which bytes are allowed where ---- */

static bool is_token(struct head_span span)
{
	for (size_t i = 0; i < span.size; i++) {
		unsigned char byte = (unsigned char)span.at[i];

		if (byte >= 0x80 || (!isalnum(byte) && !strchr("!#$%&'*+-.^_`|~", byte)) || byte == '\0')
			return false;
	}
	return span.size > 0;
}

static bool is_value(struct head_span span)
{
	for (size_t i = 0; i < span.size; i++) {
		unsigned char byte = (unsigned char)span.at[i];

		if ((byte < ' ' && byte != '\t') || byte == 0x7f)
			return false;
	}
	return true;
}

static bool is_number(struct head_span span)
{
	for (size_t i = 0; i < span.size; i++) {
		if (!isdigit((unsigned char)span.at[i]))
			return false;
	}
	return span.size > 0;
}

/*
 * A fragment, which is not for servers, is refused.  Bytes above ASCII are allowed: curl sends them as
 * typed.
 */
static bool is_target(struct head_span span)
{
	for (size_t i = 0; i < span.size; i++) {
		unsigned char byte = (unsigned char)span.at[i];

		if (byte <= ' ' || byte == 0x7f || byte == '#')
			return false;
	}
	return span.size > 0;
}

/* Size of the host at the span's beginning: an address in brackets, or a name.  0 if neither. */
static size_t host_size(struct head_span span)
{
	const char *end;
	size_t size;

	if (span.size > 0 && span.at[0] == '[') {
		end = memchr(span.at, ']', span.size);
		size = end ? (size_t)(end - span.at) : 0;
		for (size_t i = 1; i < size; i++) {
			if (!isxdigit((unsigned char)span.at[i]) && !strchr(":.", span.at[i]))
				return 0;
		}
		return size > 1 ? size + 1 : 0;
	}
	for (size = 0; size < span.size; size++) {
		unsigned char byte = (unsigned char)span.at[size];

		if (byte >= 0x80 || byte == '\0' || (!isalnum(byte) && !strchr("-._~", byte)))
			break;
	}
	return size;
}

/* HOST or HOST:PORT. */
static bool is_authority(struct head_span span)
{
	size_t size = host_size(span);
	struct head_span port = {span.at + size, span.size - size};

	if (size == 0 || port.size == 0)
		return size > 0;
	return port.at[0] == ':' && port.size <= 6 &&
	       is_number((struct head_span){port.at + 1, port.size - 1});
}

/* ---- the request line ---- */

/* Splits http://AUTHORITY/PATH; the target keeps the part after the authority. */
static bool split_url(struct head_reading *reading)
{
	struct head_span *target = &reading->target;
	size_t scheme = strlen("http://"), size;

	if (target->size > scheme && strncasecmp(target->at, "https://", scheme + 1) == 0)
		scheme++;
	else if (target->size <= scheme || strncasecmp(target->at, "http://", scheme) != 0)
		return false;
	target->at += scheme;
	target->size -= scheme;
	for (size = 0; size < target->size && target->at[size] != '/' && target->at[size] != '?'; size++)
		;
	reading->authority = (struct head_span){target->at, size};
	target->at += size;
	target->size -= size;
	return is_authority(reading->authority);
}

static const struct http_refusal *read_target(struct head_reading *reading)
{
	bool is_asterisk = is(reading->target, "*") && is(reading->method, "OPTIONS");

	if (is(reading->method, "CONNECT"))
		return &is_connect;
	if (!is_target(reading->target))
		return &bad_target;
	if (reading->target.at[0] == '/' || is_asterisk)
		return NULL;
	return split_url(reading) ? NULL : &bad_target;
}

static const struct http_refusal *read_version(struct head_reading *reading)
{
	const char *at = reading->version.at;

	if (reading->version.size != strlen("HTTP/1.1") || strncmp(at, "HTTP/", 5) != 0 ||
	    !isdigit((unsigned char)at[5]) || at[6] != '.' || !isdigit((unsigned char)at[7]))
		return &no_request_line;
	return at[5] == '1' && (at[7] == '1' || at[7] == '0') ? NULL : &other_version;
}

static struct head_span up_to(struct head_span *rest, char end)
{
	const char *found = memchr(rest->at, end, rest->size);
	struct head_span part = {rest->at, found ? (size_t)(found - rest->at) : rest->size};

	rest->at += part.size + (found ? 1 : 0);
	rest->size -= part.size + (found ? 1 : 0);
	return part;
}

static const struct http_refusal *read_request_line(struct head_reading *reading, struct head_span line)
{
	const struct http_refusal *refusal;

	reading->method = up_to(&line, ' ');
	reading->target = up_to(&line, ' ');
	reading->version = line;
	if (!is_token(reading->method))
		return &no_request_line;
	reading->head->is_head = is(reading->method, "HEAD");
	reading->head->takes_body = is(reading->method, "POST");
	refusal = read_version(reading);
	return refusal ? refusal : read_target(reading);
}

/* ---- the fields ---- */

static struct head_span trimmed(struct head_span span)
{
	while (span.size > 0 && (span.at[0] == ' ' || span.at[0] == '\t')) {
		span.at++;
		span.size--;
	}
	while (span.size > 0 && (span.at[span.size - 1] == ' ' || span.at[span.size - 1] == '\t'))
		span.size--;
	return span;
}

/* Returns NULL, or why the line is not a field. */
static const struct http_refusal *split_field(struct head_span line, struct head_span *name,
					      struct head_span *value)
{
	if (line.size > 0 && (line.at[0] == ' ' || line.at[0] == '\t'))
		return &folded_field;
	if (!memchr(line.at, ':', line.size))
		return &bad_field;
	*name = up_to(&line, ':');
	*value = trimmed(line);
	return is_token(*name) && is_value(*value) ? NULL : &bad_field;
}

/* Fields about the framing on this connection, which are not passed on to evhttp. */
static bool note_framing(struct head_reading *reading, struct head_span name, struct head_span value)
{
	if (is(name, "Content-Length")) {
		reading->lengths++;
		reading->length = value;
	} else if (is(name, "Transfer-Encoding")) {
		reading->codings++;
		reading->coding = value;
	} else if (is(name, "Expect")) {
		reading->expectation = value;
	} else {
		return is(name, "TE") || is(name, "Trailer") || is(name, "Upgrade");
	}
	return true;
}

static void write(struct http_head *head, struct head_span span, const char *behind)
{
	memcpy(head->text + head->text_size, span.at, span.size);
	head->text_size += span.size;
	memcpy(head->text + head->text_size, behind, strlen(behind));
	head->text_size += strlen(behind);
}

static const struct http_refusal *read_field(struct head_reading *reading, struct head_span line)
{
	struct head_span name, value;
	const struct http_refusal *refusal = split_field(line, &name, &value);

	if (refusal)
		return refusal;
	if (++reading->fields > HTTP_FIELDS_MAX)
		return &http_head_too_large;
	if (note_framing(reading, name, value))
		return NULL;
	if (is(name, "Host")) {
		reading->hosts++;
		reading->host = value;
	}
	write(reading->head, name, ": ");
	write(reading->head, value, "\r\n");
	return NULL;
}

/* ---- what the fields say together ---- */

static const struct http_refusal *judge_host(const struct head_reading *reading, bool is_1_0)
{
	if (reading->hosts > 1 || (reading->hosts == 0 && !is_1_0))
		return &bad_host;
	if (reading->hosts == 1 && reading->host.size > 0 && !is_authority(reading->host))
		return &bad_host;
	if (reading->authority.size > 0 &&
	    (reading->authority.size != reading->host.size ||
	     strncasecmp(reading->authority.at, reading->host.at, reading->host.size) != 0))
		return &other_host;
	return NULL;
}

/* Saturates at the largest 64-bit number, which is over every limit. */
static uint64_t number_of(struct head_span digits)
{
	uint64_t number = 0;

	for (size_t i = 0; i < digits.size; i++) {
		if (number > (UINT64_MAX - 9) / 10)
			return UINT64_MAX;
		number = number * 10 + (uint64_t)(digits.at[i] - '0');
	}
	return number;
}

static const struct http_refusal *judge_framing(const struct head_reading *reading, bool is_1_0)
{
	struct http_head *head = reading->head;

	if (reading->lengths > 0 && reading->codings > 0)
		return &two_lengths;
	if (reading->codings > 0) {
		head->framing = HTTP_CHUNKED_BODY;
		return reading->codings == 1 && !is_1_0 && is(reading->coding, "chunked") ? NULL
											  : &bad_coding;
	}
	if (reading->lengths > 0) {
		head->framing = HTTP_SIZED_BODY;
		head->body_size = number_of(reading->length);
		return reading->lengths == 1 && is_number(reading->length) ? NULL : &bad_length;
	}
	return NULL;
}

static const struct http_refusal *judge(const struct head_reading *reading)
{
	bool is_1_0 = reading->version.at[strlen("HTTP/1.")] == '0';
	const struct http_refusal *refusal = judge_host(reading, is_1_0);

	if (!refusal)
		refusal = judge_framing(reading, is_1_0);
	if (refusal || is_1_0 || !reading->expectation.at)
		return refusal;
	if (!is(reading->expectation, "100-continue"))
		return &bad_expectation;
	reading->head->expects_continue = reading->head->framing != HTTP_NO_BODY;
	return NULL;
}

/* ---- the whole ---- */

/* The next line without its end, which the caller has checked to be CR and LF. */
static struct head_span next_line(struct head_span *rest)
{
	struct head_span line = up_to(rest, '\n');

	line.size--;
	return line;
}

static void write_request_line(const struct head_reading *reading)
{
	bool has_path = reading->target.size > 0 && reading->target.at[0] != '?';

	write(reading->head, reading->method, has_path ? " " : " /");
	write(reading->head, reading->target, " ");
	write(reading->head, reading->version, "\r\n");
}

static const struct http_refusal *read_lines(struct head_reading *reading, struct head_span rest)
{
	const struct http_refusal *refusal = read_request_line(reading, next_line(&rest));
	struct head_span line;

	if (refusal)
		return refusal;
	write_request_line(reading);
	while (rest.size > 0) {
		line = next_line(&rest);
		if (line.size == 0)
			break;
		refusal = read_field(reading, line);
		if (refusal)
			return refusal;
	}
	return judge(reading);
}

const struct http_refusal *http_head_read(struct http_head *head, const char *bytes, size_t size)
{
	struct head_reading reading = {.head = head};
	const struct http_refusal *refusal;

	/* A field grows by one blank behind its colon at most, and a URL without a path by its slash. */
	*head = (struct http_head){.text = must(malloc(size + HTTP_FIELDS_MAX + 2 + HTTP_HEAD_TAIL))};
	refusal = read_lines(&reading, (struct head_span){bytes, size});
	if (refusal) {
		free(head->text);
		*head = (struct http_head){.is_head = head->is_head};
	}
	return refusal;
}

const struct http_refusal *http_trailer_check(const char *bytes, size_t size)
{
	struct head_reading reading = {0};
	struct head_span name, value;
	const struct http_refusal *refusal = split_field((struct head_span){bytes, size}, &name, &value);

	if (refusal)
		return refusal;
	return note_framing(&reading, name, value) || is(name, "Host") ? &bad_trailer : NULL;
}
