/*
 * Replaces a value wherever a payload has it, without reading the payload as a message: it may be
 * malformed.
 */
#include "adapters/codec/codec.h"
#include "adapters/codec/json/json_scanner.h"
#include "adapters/codec/json/json_writer.h"
#include "adapters/codec/msgpack/messagepack.h"
#include "adapters/codec/msgpack/msgpack_check.h"

#include <ctype.h>
#include <string.h>

/* The longest escape of JSON, for one byte of the text. */
#define ESCAPE_MAX 6

struct replacing {
	struct bytes payload;
	const char *const *names; /* ended by NULL */
	const char *old;
	struct arena *arena;
	struct text *found; /* the parts that are replaced, in their order */
	size_t count;
};

static void add_found(struct replacing *replacing, const char *start, const char *end)
{
	replacing->found =
		arena_grow(replacing->arena, replacing->found, replacing->count, sizeof *replacing->found);
	replacing->found[replacing->count++] = (struct text){start, (size_t)(end - start)};
}

static struct bytes with_replacement(const struct replacing *replacing, struct text replacement)
{
	size_t size = replacing->payload.size + replacing->count * replacement.length;
	const char *from = replacing->payload.data, *end = from + replacing->payload.size;
	char *written = arena_alloc(replacing->arena, size + 1), *at = written;

	for (size_t i = 0; i < replacing->count; i++) {
		const struct text *found = &replacing->found[i];

		at = mempcpy(at, from, (size_t)(found->start - from));
		at = mempcpy(at, replacement.start, replacement.length);
		from = found->start + found->length;
	}
	at = mempcpy(at, from, (size_t)(end - from));
	*at = '\0';
	return (struct bytes){written, (size_t)(at - written)};
}

static bool is_text(struct text text, const char *expected)
{
	return text.length == strlen(expected) && !memcmp(text.start, expected, text.length);
}

static bool is_named(const struct replacing *replacing, struct text name)
{
	for (const char *const *at = replacing->names; *at; at++) {
		if (is_text(name, *at))
			return true;
	}
	return false;
}

/* ---- JSON ---- */

static size_t longest_name(const struct replacing *replacing)
{
	size_t longest = 0;

	for (const char *const *at = replacing->names; *at; at++)
		longest = strlen(*at) > longest ? strlen(*at) : longest;
	return longest;
}

/* Scans a text that has at most `size` bytes once its escapes are resolved; a longer one is not scanned. */
static bool scan_text(const struct replacing *replacing, struct json_scan *in, size_t size, struct text *text)
{
	const char *end = in->end;
	struct json_text found;
	bool is_scanned;

	if ((size_t)(end - in->at) > ESCAPE_MAX * size + 2)
		in->end = in->at + ESCAPE_MAX * size + 2;
	is_scanned = json_scan_text(in, &found);
	in->end = end;
	*text = found.raw;
	return is_scanned && (!found.has_escapes || json_unescape(found.raw, replacing->arena, text));
}

/*
 * Every quote may begin a name: where the payload is malformed, it is not known which ones are within texts.
 * In a well-formed one a quote within a text is escaped, and begins no name with the colon behind it.
 */
static void find_in_json(struct replacing *replacing)
{
	const char *at = replacing->payload.data, *end = at + replacing->payload.size;
	size_t name_max = longest_name(replacing), value_max = strlen(replacing->old);

	while ((at = memchr(at, '"', (size_t)(end - at)))) {
		struct json_scan in = {.start = at, .at = at, .end = end};
		struct text name, value;
		const char *start;

		at++;
		if (!scan_text(replacing, &in, name_max, &name) || !is_named(replacing, name) ||
		    !json_accept_mark(&in, ':'))
			continue;
		start = in.at;
		if (!scan_text(replacing, &in, value_max, &value) || !is_text(value, replacing->old))
			continue;
		add_found(replacing, start, in.at);
		at = in.at;
	}
}

static struct text json_text(struct arena *arena, const char *text)
{
	struct json_output out = {0};

	json_write_text(&out, (struct text){text, strlen(text)});
	out = (struct json_output){arena_alloc(arena, out.size), out.size, 0};
	json_write_text(&out, (struct text){text, strlen(text)});
	return (struct text){out.text, out.size};
}

/* ---- MessagePack ---- */

/* Reads the header of a text and returns whether all of the text follows. */
static bool read_text(const unsigned char *at, const unsigned char *end, struct text *text)
{
	size_t digits = 0, length = 0;

	if (at == end)
		return false;
	if (*at >= 0xa0 && *at <= 0xbf)
		length = *at & 0x1fU;
	else if (*at >= 0xd9 && *at <= 0xdb)
		digits = (size_t)1 << (*at - 0xd9);
	else
		return false;
	at++;
	if ((size_t)(end - at) < digits)
		return false;
	for (; digits; digits--)
		length = length << 8 | *at++;
	*text = (struct text){(const char *)at, length};
	return (size_t)(end - at) >= length;
}

static const unsigned char *end_of(struct text text)
{
	return (const unsigned char *)text.start + text.length;
}

/* Returns the end of the member, if it has one of the names and the value, or else NULL. */
static const unsigned char *find_member(struct replacing *replacing, const unsigned char *at,
					const unsigned char *end)
{
	struct text name, value;

	if (!read_text(at, end, &name) || !is_named(replacing, name) ||
	    !read_text(end_of(name), end, &value) || !is_text(value, replacing->old))
		return NULL;
	add_found(replacing, (const char *)end_of(name), (const char *)end_of(value));
	return end_of(value);
}

/* Returns the end of the value.  In a list and a binary value bytes may look like a member. */
static const unsigned char *find_in_value(struct replacing *replacing, const unsigned char *at,
					  const unsigned char *end)
{
	struct msgpack_item item = msgpack_item_at((struct bytes){at, (size_t)(end - at)});

	at += item.size;
	for (uint64_t i = 0; i < item.count; i++) {
		const unsigned char *found =
			item.is_map && i % 2 == 0 ? find_member(replacing, at, end) : NULL;

		i += !!found;
		at = found ? found : find_in_value(replacing, at, end);
	}
	return at;
}

/* In a malformed payload every byte may begin a name. */
static void find_in_messagepack(struct replacing *replacing)
{
	const unsigned char *at = replacing->payload.data, *end = at + replacing->payload.size;

	if (!msgpack_structure_fault(replacing->payload)) {
		find_in_value(replacing, at, end);
		return;
	}
	while (at < end) {
		const unsigned char *found = find_member(replacing, at, end);

		at = found ? found : at + 1;
	}
}

static struct text messagepack_text(struct arena *arena, const char *text)
{
	size_t length = strlen(text), head = length < 32 ? 1 : length < 256 ? 2 : 3;
	unsigned char *written = arena_alloc(arena, head + length);

	written[0] = head == 1 ? (unsigned char)(0xa0 | length) : head == 2 ? 0xd9 : 0xda;
	if (head > 1)
		written[head - 1] = (unsigned char)length;
	if (head > 2)
		written[1] = (unsigned char)(length >> 8);
	memcpy(written + head, text, length);
	return (struct text){(const char *)written, head + length};
}

size_t codec_payload_replace(struct bytes payload, const char *const names[], const char *old,
			     const char *replacement, struct arena *arena, struct bytes *replaced)
{
	struct replacing replacing = {payload, names, old, arena, NULL, 0};
	bool is_messagepack = codec_is_messagepack(payload);

	if (!payload.size)
		return 0;
	if (is_messagepack)
		find_in_messagepack(&replacing);
	else
		find_in_json(&replacing);
	if (!replacing.count)
		return 0;
	*replaced = with_replacement(&replacing, is_messagepack ? messagepack_text(arena, replacement)
								: json_text(arena, replacement));
	return replacing.count;
}

/* ---- words ---- */

static bool is_of_word(char byte)
{
	return isalnum((unsigned char)byte) || byte == '-' || byte == '_' || (unsigned char)byte >= 0x80;
}

/* Whether the byte, and the one on its other side, continue a word: `order-1.5`, but not `order-1.` */
static bool continues(const char *byte, const char *beyond, const char *joints)
{
	if (!byte)
		return false;
	return is_of_word(*byte) || (*byte && strchr(joints, *byte) && beyond && is_of_word(*beyond));
}

size_t codec_words_replace(struct bytes text, const char *old, const char *replacement, struct arena *arena,
			   struct bytes *replaced)
{
	const char *start = text.data, *end = start + text.size, *at = start;
	struct replacing replacing = {.payload = text, .arena = arena};
	size_t length = strlen(old);

	while (length && text.size && (at = memmem(at, (size_t)(end - at), old, length))) {
		const char *after = at + length;

		if (!continues(at > start ? at - 1 : NULL, at > start + 1 ? at - 2 : NULL, "./@+#") &&
		    !continues(after < end ? after : NULL, after + 1 < end ? after + 1 : NULL, "./@+#:")) {
			add_found(&replacing, at, after);
			at = after;
		} else {
			at++;
		}
	}
	if (replacing.count)
		*replaced = with_replacement(&replacing, (struct text){replacement, strlen(replacement)});
	return replacing.count;
}
