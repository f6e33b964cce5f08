/*
 * Walks over JSON (RFC 8259) and builds nothing.  Besides the grammar, NaN, Infinity and -Infinity are walked
 * over, as Python and others write them: they are values of which no field is made.
 *
 * UTF-8 is not looked at here: the text is valid as a whole before it is scanned.
 */
#ifndef ALLOCD_ADAPTERS_CODEC_JSON_JSON_SCANNER_H
#define ALLOCD_ADAPTERS_CODEC_JSON_JSON_SCANNER_H

#include "adapters/codec/value.h"
#include "core/base/arena.h"
#include "core/base/bytes.h"

#include <stdbool.h>

struct json_scan {
	const char *start;
	const char *at; /* on failure: where it is no JSON any more */
	const char *end;
	int depth; /* of the objects and lists that are open */
	bool is_too_deep;
};

/* A text without its quotes, as it is written. */
struct json_text {
	struct text raw;
	bool has_escapes;
};

/* Begins behind a byte order mark, if there is one, and blanks. */
void json_scan_init(struct json_scan *in, struct bytes payload);

/* Each returns false when something else stands there. */
bool json_skip_escape(struct json_scan *in); /* what stands behind a backslash */
bool json_skip_number(struct json_scan *in);
bool json_skip_value(struct json_scan *in);

/* ---- the way of nearly every payload: inlined ---- */

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

/* Blanks around it. */
static inline bool json_accept_mark(struct json_scan *in, char mark)
{
	json_skip_blanks(in);
	if (!json_accept(in, mark))
		return false;
	json_skip_blanks(in);
	return true;
}

/* Counts a level of nesting; false: it is one too many. */
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
		while (in->at < in->end && (unsigned char)*in->at >= ' ' && *in->at != '"' && *in->at != '\\')
			in->at++;
		text->raw.length = (size_t)(in->at - text->raw.start);
		if (!json_accept(in, '\\'))
			return json_accept(in, '"');
		text->has_escapes = true;
		if (!json_skip_escape(in))
			return false;
	}
}

/* ---- what it says ---- */

/*
 * What an escaped text says, in `arena`.  False when it is no Unicode: half of a surrogate pair stands alone.
 * The text is then no valid UTF-8 and differs from every valid one.
 */
bool json_unescape(struct text raw, struct arena *arena, struct text *text);

/*
 * The integer that a number of JSON is: 10.0 and 1e1 are one, 1e-400 is none.  False: none, or it does not
 * fit.
 */
bool json_to_integer(struct text number, int64_t *integer);

#endif
