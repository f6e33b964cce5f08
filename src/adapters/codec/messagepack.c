/* MessagePack, read and written with msgpack-c, which is given only what has been looked at before. */
#include "adapters/codec/messagepack.h"

#include "adapters/codec/invalid.h"
#include "adapters/codec/msgpack_structure.h"

#include <stdlib.h>
#include <string.h>

bool wire_is_messagepack(struct bytes payload)
{
	unsigned char first = payload.size ? *(const unsigned char *)payload.data : 0;

	return (first >= 0x80 && first <= 0x8f) || first == 0xde || first == 0xdf;
}

/* ---- duplicate keys ---- */

static bool has_duplicates(const msgpack_object *object);

static int compare_keys(const void *a, const void *b)
{
	const msgpack_object_str *one = a, *other = b;

	if (one->size != other->size)
		return one->size < other->size ? -1 : 1;
	return one->size ? memcmp(one->ptr, other->ptr, one->size) : 0;
}

static bool is_any_twice(msgpack_object_str *keys, size_t count)
{
	qsort(keys, count, sizeof *keys, compare_keys);
	for (size_t i = 1; i < count; i++) {
		if (!compare_keys(&keys[i - 1], &keys[i]))
			return true;
	}
	return false;
}

/* So many keys need no memory of their own to be sorted in. */
#define FEW_KEYS 16

/* Sorts, since a payload has room for ten thousands of keys. */
static bool has_key_twice(const msgpack_object_map *map)
{
	msgpack_object_str few[FEW_KEYS];
	msgpack_object_str *keys = map->size <= FEW_KEYS ? few : malloc(map->size * sizeof *keys);
	bool answer;

	if (!keys)
		out_of_memory();
	for (size_t i = 0; i < map->size; i++)
		keys[i] = map->ptr[i].key.via.str;
	answer = is_any_twice(keys, map->size);
	if (keys != few)
		free(keys);
	return answer;
}

static bool map_has_duplicates(const msgpack_object_map *map)
{
	for (size_t i = 0; i < map->size; i++) {
		if (has_duplicates(&map->ptr[i].val))
			return true;
	}
	return has_key_twice(map);
}

/* At any depth, which is bounded. */
static bool has_duplicates(const msgpack_object *object)
{
	if (object->type == MSGPACK_OBJECT_MAP)
		return map_has_duplicates(&object->via.map);
	if (object->type != MSGPACK_OBJECT_ARRAY)
		return false;
	for (size_t i = 0; i < object->via.array.size; i++) {
		if (has_duplicates(&object->via.array.ptr[i]))
			return true;
	}
	return false;
}

/* ---- reading ---- */

static void unpack(struct bytes payload, msgpack_unpacked *unpacked)
{
	size_t used = 0;

	msgpack_unpacked_init(unpacked);
	/* Its structure is sound, so there is but one reason left. */
	if (msgpack_unpack_next(unpacked, payload.data, payload.size, &used) != MSGPACK_UNPACK_SUCCESS)
		out_of_memory();
}

bool wire_read_messagepack(struct bytes payload, struct arena *arena, msgpack_unpacked *unpacked,
			   const char **error)
{
	const char *fault = msgpack_structure_fault(payload);

	if (fault)
		return invalid(arena, error, "payload", "expected MessagePack, but: %s", fault);
	unpack(payload, unpacked);
	if (!has_duplicates(&unpacked->data))
		return true;
	msgpack_unpacked_destroy(unpacked);
	return invalid(arena, error, "payload", "expected MessagePack, but: a key comes twice");
}

struct text wire_messagepack_text(const msgpack_object_str *text)
{
	return (struct text){text->size ? text->ptr : "", text->size};
}

static struct value value_of(const msgpack_object *object)
{
	switch (object->type) {
	case MSGPACK_OBJECT_STR:
		return (struct value){.kind = VALUE_TEXT, .as.text = wire_messagepack_text(&object->via.str)};
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		return (struct value){.kind = VALUE_INTEGER, .as.integer = (int64_t)object->via.u64};
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		return (struct value){.kind = VALUE_INTEGER, .as.integer = object->via.i64};
	case MSGPACK_OBJECT_FLOAT32:
	case MSGPACK_OBJECT_FLOAT64:
		return (struct value){.kind = VALUE_REAL, .as.real = object->via.f64};
	case MSGPACK_OBJECT_MAP:
		return (struct value){.kind = VALUE_OBJECT, .as.object = wire_view_messagepack(object)};
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
	const msgpack_object_map *map = &((const msgpack_object *)node)->via.map;
	size_t length = strlen(name);

	for (size_t i = 0; i < map->size; i++) {
		const msgpack_object_str *key = &map->ptr[i].key.via.str;

		if (key->size == length && !memcmp(key->ptr, name, length))
			return value_of(&map->ptr[i].val);
	}
	return (struct value){.kind = VALUE_ABSENT};
}

struct object wire_view_messagepack(const msgpack_object *map)
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
	case VALUE_REAL:
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

/* msgpack-c's buffer, but the process ends when it cannot grow. */
static int append(void *buffer, const char *bytes, size_t size)
{
	if (msgpack_sbuffer_write(buffer, bytes, size))
		out_of_memory();
	return 0;
}

struct bytes wire_write_messagepack(const struct document *document, struct arena *arena)
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
