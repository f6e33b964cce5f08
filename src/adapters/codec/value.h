/*
 * The common view of JSON and MessagePack: objects whose members have names and values.  The validator reads
 * payloads through it and knows neither encoding.
 */
#ifndef ALLOCD_ADAPTERS_CODEC_VALUE_H
#define ALLOCD_ADAPTERS_CODEC_VALUE_H

#include <stddef.h>
#include <stdint.h>

/* How deep a payload may be nested, in every encoding. */
#define DEPTH_MAX 32

enum value_kind {
	VALUE_ABSENT, /* the object has no such member */
	VALUE_NULL,
	VALUE_INTEGER, /* 10.0 is an integer, too */
	VALUE_TEXT,    /* UTF-8, which may contain NUL and is not terminated by one */
	VALUE_OBJECT,
	VALUE_OTHER, /* no field has it: a boolean, a list, bytes, a number that is not a 64-bit integer */
};

/* Valid as long as the parsed payload. */
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
