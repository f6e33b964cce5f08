/* Reads JSON into a list of an object's members, without a tree. */
#include "adapters/codec/json/json_reader.h"

#include "adapters/codec/invalid.h"
#include "adapters/codec/json/json_scanner.h"
#include "adapters/codec/names.h"
#include "adapters/codec/value.h"
#include "core/base/must.h"
#include "core/base/utf8.h"

#include <stdlib.h>
#include <string.h>

/* ---- errors ---- */

static bool fail_at(struct arena *arena, const char **error, size_t at, const char *reason)
{
	return invalid(arena, error, "payload", "expected JSON, but at byte %zu: %s", at, reason);
}

static bool fail(const struct json_scan *in, struct arena *arena, const char **error)
{
	if (in->is_too_deep)
		return invalid(arena, error, "payload", "expected JSON nested at most %d deep", DEPTH_MAX);
	return fail_at(arena, error, (size_t)(in->at - in->start),
		       in->at == in->end ? "unexpected end" : "invalid syntax");
}

/* Begins the scan at the object's opening brace. */
static bool begin(struct json_scan *in, struct bytes payload, struct arena *arena, const char **error)
{
	size_t valid = payload.size ? utf8_valid_length(payload.data, payload.size) : 0;

	json_scan_init(in, payload);
	if (valid < payload.size)
		return fail_at(arena, error, valid, "invalid UTF-8");
	if (in->at == in->end)
		return fail(in, arena, error);
	return *in->at == '{' || invalid(arena, error, "payload", "expected a JSON object");
}

/* ---- members ---- */

static void init(struct json_object *object)
{
	object->count = 0;
	object->room = JSON_FEW_MEMBERS;
	object->members = object->few;
}

static void release(struct json_object *object)
{
	if (object->members != object->few)
		free(object->members);
}

static void grow(struct json_object *object)
{
	struct json_member *few = object->members == object->few ? object->few : NULL;
	struct json_member *more =
		must(realloc(few ? NULL : object->members, 2 * object->room * sizeof *object->members));

	if (few)
		memcpy(more, few, sizeof object->few);
	object->members = more;
	object->room *= 2;
}

static struct object view(const struct json_object *object);

/* The view of a nested object that is skipped: it has no members. */
static const struct json_object unread;

/* Any number of at most this many digits fits into 64 bits. */
#define DIGITS_MAX 18

/*
 * Scans a short integer without a sign or leading zeros, as nearly all are; consumes nothing of another
 * number.
 */
static bool scan_short_integer(struct json_scan *in, int64_t *integer)
{
	const char *at = in->at;

	*integer = 0;
	for (; at < in->end && *at >= '0' && *at <= '9' && at - in->at < DIGITS_MAX; at++)
		*integer = *integer * 10 + (*at - '0');
	if (at == in->at || (*in->at == '0' && at - in->at > 1) || at == in->end || strchr(".eE", *at) ||
	    (*at >= '0' && *at <= '9'))
		return false;
	in->at = at;
	return true;
}

static bool scan_number(struct json_scan *in, struct value *value)
{
	const char *start = in->at;

	value->kind = VALUE_INTEGER;
	if (scan_short_integer(in, &value->as.integer))
		return true;
	if (!json_skip_number(in))
		return false;
	if (!json_to_integer((struct text){start, (size_t)(in->at - start)}, &value->as.integer))
		value->kind = VALUE_OTHER;
	return true;
}

static bool scan_text(struct json_scan *in, struct arena *arena, struct value *value)
{
	struct json_text text;

	if (!json_scan_text(in, &text))
		return false;
	value->kind = VALUE_TEXT;
	value->as.text = text.raw;
	if (text.has_escapes && !json_unescape(text.raw, arena, &value->as.text))
		value->kind = VALUE_OTHER;
	return true;
}

static bool scan_value(struct json_scan *in, struct arena *arena, struct value *value)
{
	char first = '\0';

	if (in->at < in->end)
		first = *in->at;
	if (first == '"')
		return scan_text(in, arena, value);
	if (first >= '0' && first <= '9')
		return scan_number(in, value);
	if (first == '-' && in->end - in->at > 1 && in->at[1] != 'I')
		return scan_number(in, value);
	value->kind = first == 'n' ? VALUE_NULL : first == '{' ? VALUE_OBJECT : VALUE_OTHER;
	if (first == '{')
		value->as.object = view(&unread);
	return json_skip_value(in);
}

static bool scan_name(struct json_scan *in, struct arena *arena, struct text *name)
{
	struct json_text text;

	if (!json_scan_text(in, &text))
		return false;
	*name = text.raw;
	if (text.has_escapes)
		json_unescape(text.raw, arena, name);
	return true;
}

static bool scan_object(struct json_scan *in, struct arena *arena, struct json_object *object,
			struct json_object *data);

/* Whether the member at the scan is the data of a CloudEvent. */
static bool is_data(const struct json_scan *in, const struct json_member *member)
{
	return member->name.length == 4 && !memcmp(member->name.start, "data", 4) && in->at < in->end &&
	       *in->at == '{';
}

static bool scan_data(struct json_scan *in, struct arena *arena, struct json_object *data,
		      struct value *value)
{
	*value = (struct value){.kind = VALUE_OBJECT, .as.object = view(data)};
	return scan_object(in, arena, data, NULL);
}

static bool scan_member(struct json_scan *in, struct arena *arena, struct json_object *object,
			struct json_object *data)
{
	struct json_member *member;

	if (object->count == object->room)
		grow(object);
	member = &object->members[object->count];
	member->start = in->at;
	if (!scan_name(in, arena, &member->name) || !json_accept_mark(in, ':'))
		return false;
	member->raw.start = in->at;
	if (data && is_data(in, member) ? !scan_data(in, arena, data, &member->value)
					: !scan_value(in, arena, &member->value))
		return false;
	member->raw.length = (size_t)(in->at - member->raw.start);
	object->count++;
	return true;
}

/* `data`: has the members of the member of that name, if it is an object; NULL: it is skipped like others. */
static bool scan_object(struct json_scan *in, struct arena *arena, struct json_object *object,
			struct json_object *data)
{
	if (!json_accept_mark(in, '{') || !json_open(in))
		return false;
	if (!json_accept_mark(in, '}')) {
		do {
			if (!scan_member(in, arena, object, data))
				return false;
		} while (json_accept_mark(in, ','));
		if (!json_accept_mark(in, '}'))
			return false;
	}
	json_close(in);
	return true;
}

/* ---- documents ---- */

static struct json_member *find(const struct json_object *object, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < object->count; i++) {
		const struct text *other = &object->members[i].name;

		if (other->length == length && !memcmp(other->start, name, length))
			return &object->members[i];
	}
	return NULL;
}

static bool has_name_twice(const struct json_object *object)
{
	struct names names;
	bool answer;

	names_init(&names, object->count);
	for (size_t i = 0; i < object->count; i++)
		names_add(&names, object->members[i].name);
	answer = names_repeat(&names);
	names_release(&names);
	return answer;
}

/* A bare message may have other things in a member of that name. */
static bool check_data(struct json_document *document, struct arena *arena, const char **error)
{
	return !has_name_twice(&document->data) || !find(&document->root, "specversion") ||
	       invalid(arena, error, "data", "expected JSON without duplicate keys");
}

static bool read_root(struct json_document *document, struct bytes payload, struct arena *arena,
		      const char **error)
{
	struct json_scan in;

	if (!begin(&in, payload, arena, error))
		return false;
	if (!scan_object(&in, arena, &document->root, &document->data))
		return fail(&in, arena, error);
	if (in.at < in.end)
		return fail_at(arena, error, (size_t)(in.at - in.start), "trailing data");
	return !has_name_twice(&document->root) ||
	       invalid(arena, error, "payload", "expected JSON without duplicate keys");
}

bool codec_read_json(struct bytes payload, struct arena *arena, struct json_document *document,
		     const char **error)
{
	init(&document->root);
	init(&document->data);
	if (read_root(document, payload, arena, error) && check_data(document, arena, error))
		return true;
	codec_release_json(document);
	return false;
}

void codec_release_json(struct json_document *document)
{
	release(&document->root);
	release(&document->data);
}

static struct value member_of_json(const void *node, const char *name)
{
	const struct json_member *member = find(node, name);

	return member ? member->value : (struct value){.kind = VALUE_ABSENT};
}

static struct object view(const struct json_object *object)
{
	return (struct object){member_of_json, object};
}

struct object codec_view_json(const struct json_document *document)
{
	return view(&document->root);
}

/* ---- one line ---- */

static char *copy_text(char *to, struct json_scan *in)
{
	const char *start = in->at;
	struct json_text ignored;

	json_scan_text(in, &ignored);
	memcpy(to, start, (size_t)(in->at - start));
	return to + (in->at - start);
}

/* The document was checked; outside of a text, N and I begin NaN and Infinity only. */
static char *copy_token(char *to, struct json_scan *in)
{
	bool is_number = *in->at == '-' && in->at[1] != 'I';

	if (*in->at == '"')
		return copy_text(to, in);
	if (!is_number && strchr("NI-", *in->at)) {
		json_skip_value(in);
		return stpcpy(to, "null");
	}
	if (!strchr(" \t\r\n", *in->at))
		*to++ = *in->at;
	in->at++;
	return to;
}

bool codec_compact_json(struct bytes payload, struct arena *arena, struct bytes *line, const char **error)
{
	struct json_scan in, check;
	char *text, *to;

	if (!begin(&in, payload, arena, error))
		return false;
	check = in;
	if (!json_skip_value(&check))
		return fail(&check, arena, error);
	if (check.at < check.end)
		return fail_at(arena, error, (size_t)(check.at - check.start), "trailing data");
	text = to = arena_alloc(arena, 4 * payload.size / 3 + 2); /* "null" for "NaN" */
	while (in.at < in.end)
		to = copy_token(to, &in);
	*to = '\0';
	*line = (struct bytes){text, (size_t)(to - text)};
	return true;
}
