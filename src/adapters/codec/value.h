/*
 * What JSON and MessagePack have in common: objects whose members have names and values.  The validator
 * sees payloads through this view and knows neither library.
 */
#ifndef ALLOCD_ADAPTERS_CODEC_VALUE_H
#define ALLOCD_ADAPTERS_CODEC_VALUE_H

#include <stddef.h>
#include <stdint.h>

/* How deep a payload may be nested, in every encoding. */
#define DEPTH_MAX 32

enum value_kind {
	VALUE_ABSENT, /* there is no such member */
	VALUE_NULL,
	VALUE_INTEGER, /* 10.0 is one */
	VALUE_TEXT,    /* UTF-8; may hold NUL, and does not end with one */
	VALUE_OBJECT,
	VALUE_OTHER, /* of no field: a boolean, a list, bytes, a number that is no such integer */
};

/* Valid as long as the payload's parsed form. */
struct object {
	struct value (*member)(const void *node, const char *name);
	const void *node;
};

struct text {
	const char *start;
	size_t length; /* in bytes */
};

struct value {
	enum value_kind kind;
	union {
		int64_t integer;
		struct text text;
		struct object object;
	} as;
};

static inline struct value object_member(struct object object, const char *name)
{
	return object.member(object.node, name);
}

#endif
