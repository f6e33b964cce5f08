/*
 * An object that is being built: a list of members, which JSON and MessagePack each encode.  It can be read
 * through the common view, too.
 */
#ifndef ALLOCD_ADAPTERS_CODEC_DOCUMENT_H
#define ALLOCD_ADAPTERS_CODEC_DOCUMENT_H

#include "adapters/codec/value.h"
#include "core/base/arena.h"

/* The value's kind is INTEGER, TEXT or OBJECT; an object is a document too. */
struct member {
	const char *name;
	struct value value;
};

struct document {
	size_t capacity;
	size_t count;
	struct member members[];
};

struct document *document_new(struct arena *arena, size_t capacity);

/* Names and texts are not copied.  The capacity must suffice. */
void document_add(struct document *document, const char *name, struct value value);
void document_add_text(struct document *document, const char *name, const char *text);
void document_add_integer(struct document *document, const char *name, int64_t integer);
void document_add_document(struct document *document, const char *name, const struct document *inner);

struct object document_view(const struct document *document);

/* The document behind a value of kind OBJECT. */
const struct document *document_of(const struct value *value);

#endif
