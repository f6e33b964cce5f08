/*
 * Scans JSON (RFC 8259) without building values.  Besides the grammar it accepts NaN, Infinity and -Infinity,
 * as Python and others write them, for fields that are ignored.
 *
 * The caller has checked that the whole text is valid UTF-8.
 */
#ifndef ALLOCD_ADAPTERS_CODEC_JSON_JSON_SCANNER_H
#define ALLOCD_ADAPTERS_CODEC_JSON_JSON_SCANNER_H

#include "adapters/codec/json/json_plain.h"
#include "adapters/codec/value.h"
#include "core/base/arena.h"
#include "core/base/bytes.h"

#include <stdbool.h>

struct json_scan {
	const char *start;
	const char *at; /* on failure: where the syntax error is */
	const char *end;
	int depth; /* of the objects and lists that are open */
	bool is_too_deep;
};

/* A text between its quotes, with its escapes. */
struct json_text {
	struct text raw;
	bool has_escapes;
};

/* Begins after a byte order mark, if there is one, and blanks. */
void json_scan_init(struct json_scan *in, struct bytes payload);

/* Each returns false when the input is something else. */
bool json_skip_escape(struct json_scan *in); /* the part after the backslash */
bool json_skip_number(struct json_scan *in);
bool json_skip_value(struct json_scan *in);

/* ---- inlined, because nearly every payload needs no more ---- */

static inline void json_skip_blanks(struct json_scan *in)
{
	while (in->at < in->end && (*in->at == ' ' || *in->at == '\t' || *in->at == '\n' || *in->at == '\r'))
		in->at++;
}

static inline bool json_accept(struct json_scan *in, char byte)
{
	if (in->at == in->end || *in->at != byte)
		return false;
	in->at++;
	return true;
}

/* Accepts the mark, with blanks before and after it. */
static inline bool json_accept_mark(struct json_scan *in, char mark)
{
	json_skip_blanks(in);
	if (!json_accept(in, mark))
		return false;
	json_skip_blanks(in);
	return true;
}

/* Counts a level of nesting; false when it is one too many. */
static inline bool json_open(struct json_scan *in)
{
	in->is_too_deep = in->depth == DEPTH_MAX;
	in->depth++;
	return !in->is_too_deep;
}

static inline void json_close(struct json_scan *in)
{
	in->depth--;
}

static inline bool json_scan_text(struct json_scan *in, struct json_text *text)
{
	if (!json_accept(in, '"'))
		return false;
	text->raw.start = in->at;
	text->has_escapes = false;
	for (;;) {
		in->at += json_plain_length(in->at, (size_t)(in->end - in->at));
		text->raw.length = (size_t)(in->at - text->raw.start);
		if (!json_accept(in, '\\'))
			return json_accept(in, '"');
		text->has_escapes = true;
		if (!json_skip_escape(in))
			return false;
	}
}

/* ---- values ---- */

/*
 * Resolves the escapes of a text, in `arena`.  False when half of a surrogate pair stands alone: the text is
 * then not valid UTF-8, and differs from every valid one.
 */
bool json_unescape(struct text raw, struct arena *arena, struct text *text);

/*
 * Reads a JSON number as an integer: 10.0 and 1e1 are integers, 1e-400 is not.  False when the
 * number is not an integer, or does not fit.
 */
bool json_to_integer(struct text number, int64_t *integer);

#endif
