/* Reads and writes MessagePack with msgpack-c, which gets only payloads that were checked before. */
#include "adapters/codec/msgpack/messagepack.h"

#include "adapters/codec/invalid.h"
#include "adapters/codec/msgpack/msgpack_check.h"
#include "adapters/codec/names.h"
#include "core/base/must.h"

#include <string.h>

bool codec_is_messagepack(struct bytes payload)
{
	unsigned char first = payload.size ? *(const unsigned char *)payload.data : 0;

	return (first >= 0x80 && first <= 0x8f) || first == 0xde || first == 0xdf;
}

/* ---- duplicate keys ---- */

/* Keys that are not texts name no field, and are ignored. */
static bool has_name_twice(const msgpack_object_map *map)
{
	struct names names;
	bool answer;

	names_init(&names, map->size);
	for (size_t i = 0; i < map->size; i++) {
		if (map->ptr[i].key.type == MSGPACK_OBJECT_STR)
			names_add(&names, codec_messagepack_text(&map->ptr[i].key.via.str));
	}
	answer = names_repeat(&names);
	names_release(&names);
	return answer;
}

/* ---- reading ---- */

static const msgpack_object *find(const msgpack_object_map *map, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < map->size; i++) {
		const msgpack_object *key = &map->ptr[i].key;

		if (key->type == MSGPACK_OBJECT_STR && key->via.str.size == length &&
		    !memcmp(key->via.str.ptr, name, length))
			return &map->ptr[i].val;
	}
	return NULL;
}

bool codec_is_ambiguous_messagepack(const msgpack_object *root)
{
	const msgpack_object *data = find(&root->via.map, "data");

	if (has_name_twice(&root->via.map))
		return true;
	return data && data->type == MSGPACK_OBJECT_MAP && find(&root->via.map, "specversion") &&
	       has_name_twice(&data->via.map);
}

bool codec_read_messagepack(struct bytes payload, struct arena *arena, msgpack_unpacked *unpacked,
			    const char **error)
{
	const char *fault = msgpack_structure_fault(payload);
	msgpack_unpack_return result;
	size_t used = 0;

	if (fault)
		return invalid(arena, error, "payload", "expected MessagePack, but: %s", fault);
	msgpack_unpacked_init(unpacked);
	result = msgpack_unpack_next(unpacked, payload.data, payload.size, &used);
	/* The payload's structure was checked, so unpacking fails only without memory. */
	must(result == MSGPACK_UNPACK_SUCCESS ? unpacked : NULL);
	return true;
}

struct text codec_messagepack_text(const msgpack_object_str *text)
{
	return (struct text){text->size ? text->ptr : "", text->size};
}

#define TWO_TO_63 9223372036854775808.0

static struct value value_of_real(double real)
{
	if (real >= -TWO_TO_63 && real < TWO_TO_63 && (double)(int64_t)real == real)
		return (struct value){.kind = VALUE_INTEGER, .as.integer = (int64_t)real};
	return (struct value){.kind = VALUE_OTHER};
}

static struct value value_of(const msgpack_object *object)
{
	switch (object->type) {
	case MSGPACK_OBJECT_STR:
		return (struct value){.kind = VALUE_TEXT,
				      .as.text = codec_messagepack_text(&object->via.str)};
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		if (object->via.u64 > INT64_MAX)
			break;
		return (struct value){.kind = VALUE_INTEGER, .as.integer = (int64_t)object->via.u64};
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		return (struct value){.kind = VALUE_INTEGER, .as.integer = object->via.i64};
	case MSGPACK_OBJECT_FLOAT32:
	case MSGPACK_OBJECT_FLOAT64:
		return value_of_real(object->via.f64);
	case MSGPACK_OBJECT_MAP:
		return (struct value){.kind = VALUE_OBJECT, .as.object = codec_view_messagepack(object)};
	case MSGPACK_OBJECT_NIL:
		return (struct value){.kind = VALUE_NULL};
	case MSGPACK_OBJECT_BOOLEAN:
	case MSGPACK_OBJECT_ARRAY:
	case MSGPACK_OBJECT_BIN:
	case MSGPACK_OBJECT_EXT:
		break;
	}
	return (struct value){.kind = VALUE_OTHER};
}

static struct value member_of_map(const void *node, const char *name)
{
	const msgpack_object *value = find(&((const msgpack_object *)node)->via.map, name);

	return value ? value_of(value) : (struct value){.kind = VALUE_ABSENT};
}

struct object codec_view_messagepack(const msgpack_object *map)
{
	return (struct object){member_of_map, map};
}

/* ---- writing ---- */

static void pack_text(msgpack_packer *packer, const char *text, size_t length)
{
	msgpack_pack_str(packer, length);
	msgpack_pack_str_body(packer, text, length);
}

static void pack_document(msgpack_packer *packer, const struct document *document);

static void pack_value(msgpack_packer *packer, const struct value *value)
{
	switch (value->kind) {
	case VALUE_TEXT:
		pack_text(packer, value->as.text.start, value->as.text.length);
		return;
	case VALUE_INTEGER:
		msgpack_pack_int64(packer, value->as.integer);
		return;
	case VALUE_OBJECT:
		pack_document(packer, document_of(value));
		return;
	case VALUE_ABSENT:
	case VALUE_NULL:
	case VALUE_OTHER:
		break;
	}
	msgpack_pack_nil(packer);
}

static void pack_document(msgpack_packer *packer, const struct document *document)
{
	msgpack_pack_map(packer, document->count);
	for (size_t i = 0; i < document->count; i++) {
		pack_text(packer, document->members[i].name, strlen(document->members[i].name));
		pack_value(packer, &document->members[i].value);
	}
}

/* Writes to msgpack-c's buffer; the process ends when it cannot grow. */
static int append(void *buffer, const char *bytes, size_t size)
{
	must(msgpack_sbuffer_write(buffer, bytes, size) ? NULL : buffer);
	return 0;
}

struct bytes codec_write_messagepack(const struct document *document, struct arena *arena)
{
	msgpack_sbuffer buffer;
	msgpack_packer packer;
	struct bytes payload;

	msgpack_sbuffer_init(&buffer);
	msgpack_packer_init(&packer, &buffer, append);
	pack_document(&packer, document);
	payload = (struct bytes){arena_copy(arena, buffer.data, buffer.size), buffer.size};
	msgpack_sbuffer_destroy(&buffer);
	return payload;
}
