/* Builds an object member by member. */
#include "adapters/codec/document.h"

#include <assert.h>
#include <string.h>

struct document *document_new(struct arena *arena, size_t capacity)
{
	struct document *document =
		arena_reserve(arena, sizeof *document + capacity * sizeof document->members[0]);

	document->capacity = capacity;
	document->count = 0;
	return document;
}

void document_add(struct document *document, const char *name, struct value value)
{
	assert(document->count < document->capacity);
	document->members[document->count++] = (struct member){name, value};
}

void document_add_text(struct document *document, const char *name, const char *text)
{
	document_add(document, name, (struct value){.kind = VALUE_TEXT, .as.text = {text, strlen(text)}});
}

void document_add_integer(struct document *document, const char *name, int64_t integer)
{
	document_add(document, name, (struct value){.kind = VALUE_INTEGER, .as.integer = integer});
}

void document_add_document(struct document *document, const char *name, const struct document *inner)
{
	document_add(document, name, (struct value){.kind = VALUE_OBJECT, .as.object = document_view(inner)});
}

static struct value member_of_document(const void *node, const char *name)
{
	const struct document *document = node;

	for (size_t i = 0; i < document->count; i++) {
		if (!strcmp(document->members[i].name, name))
			return document->members[i].value;
	}
	return (struct value){.kind = VALUE_ABSENT};
}

struct object document_view(const struct document *document)
{
	return (struct object){member_of_document, document};
}

const struct document *document_of(const struct value *value)
{
	assert(value->kind == VALUE_OBJECT && value->as.object.member == member_of_document);
	return value->as.object.node;
}
