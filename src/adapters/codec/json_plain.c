/* A reader of plain JSON, which gives up at the first byte that is not plain. */
#include "adapters/codec/json_plain.h"

#include "core/utf8.h"

#include <string.h>

/* Any number of so many digits fits. */
#define DIGITS_MAX 18

struct scanner {
	const char *at;
	const char *end;
};

static void skip_blanks(struct scanner *in)
{
	while (in->at < in->end && (*in->at == ' ' || *in->at == '\t' || *in->at == '\n' || *in->at == '\r'))
		in->at++;
}

static bool take(struct scanner *in, char byte)
{
	if (in->at == in->end || *in->at != byte)
		return false;
	in->at++;
	return true;
}

/* Blanks around it. */
static bool take_mark(struct scanner *in, char mark)
{
	skip_blanks(in);
	if (!take(in, mark))
		return false;
	skip_blanks(in);
	return true;
}

static bool take_text(struct scanner *in, struct text *text)
{
	if (!take(in, '"'))
		return false;
	text->start = in->at;
	while (in->at < in->end && (unsigned char)*in->at >= ' ' && *in->at != '"' && *in->at != '\\')
		in->at++;
	text->length = (size_t)(in->at - text->start);
	return take(in, '"') && utf8_is_valid(text->start, text->length);
}

static bool is_digit(const struct scanner *in)
{
	return in->at < in->end && *in->at >= '0' && *in->at <= '9';
}

/* What makes a number of another kind stands behind the digits, where no mark may be: so it is not plain. */
static bool take_integer(struct scanner *in, int64_t *integer)
{
	bool negative = take(in, '-');
	const char *first = in->at;

	*integer = 0;
	for (; is_digit(in) && in->at - first < DIGITS_MAX; in->at++)
		*integer = *integer * 10 + (*in->at - '0');
	if (in->at == first || (*first == '0' && in->at - first > 1))
		return false;
	if (negative)
		*integer = -*integer;
	return true;
}

static bool take_null(struct scanner *in)
{
	if (in->end - in->at < 4 || memcmp(in->at, "null", 4) != 0)
		return false;
	in->at += 4;
	return true;
}

static bool take_value(struct scanner *in, struct value *value)
{
	if (in->at < in->end && *in->at == '"') {
		value->kind = VALUE_TEXT;
		return take_text(in, &value->as.text);
	}
	if (in->at < in->end && *in->at == 'n') {
		value->kind = VALUE_NULL;
		return take_null(in);
	}
	value->kind = VALUE_INTEGER;
	return take_integer(in, &value->as.integer);
}

static bool is_called(const struct plain_member *member, const char *name, size_t length)
{
	return member->name.length == length && !memcmp(member->name.start, name, length);
}

static const struct plain_member *find(const struct plain_json *plain, const char *name, size_t length)
{
	for (size_t i = 0; i < plain->count; i++) {
		if (is_called(&plain->members[i], name, length))
			return &plain->members[i];
	}
	return NULL;
}

static bool take_member(struct scanner *in, struct plain_json *plain)
{
	struct plain_member *member = &plain->members[plain->count];

	if (plain->count == PLAIN_MEMBERS_MAX || !take_text(in, &member->name) || !take_mark(in, ':') ||
	    !take_value(in, &member->value) || find(plain, member->name.start, member->name.length))
		return false;
	plain->count++;
	return true;
}

bool wire_read_plain_json(struct bytes payload, struct plain_json *plain)
{
	struct scanner in = {payload.data, (const char *)payload.data + payload.size};

	plain->count = 0;
	if (!take_mark(&in, '{'))
		return false;
	do {
		if (!take_member(&in, plain))
			return false;
	} while (take_mark(&in, ','));
	return take_mark(&in, '}') && in.at == in.end;
}

static struct value member_of_plain(const void *node, const char *name)
{
	const struct plain_member *member = find(node, name, strlen(name));

	return member ? member->value : (struct value){.kind = VALUE_ABSENT};
}

struct object wire_view_plain_json(const struct plain_json *plain)
{
	return (struct object){member_of_plain, plain};
}
