/* Payloads for the eye: one line of JSON, whatever they were encoded in. */
#include "adapters/codec/codec.h"
#include "adapters/codec/invalid.h"
#include "adapters/codec/json.h"
#include "adapters/codec/messagepack.h"
#include "adapters/codec/payload.h"

static json_t *to_json(const msgpack_object *object);

static json_t *text_to_json(struct text text)
{
	return json_stringn_nocheck(text.start, text.length);
}

static json_t *map_to_json(const msgpack_object_map *map)
{
	json_t *json = json_object();

	for (size_t i = 0; i < map->size; i++) {
		struct text key = wire_messagepack_text(&map->ptr[i].key.via.str);

		if (json_object_setn_new_nocheck(json, key.start, key.length, to_json(&map->ptr[i].val)))
			out_of_memory();
	}
	return json;
}

static json_t *array_to_json(const msgpack_object_array *array)
{
	json_t *json = json_array();

	for (size_t i = 0; i < array->size; i++) {
		if (json_array_append_new(json, to_json(&array->ptr[i])))
			out_of_memory();
	}
	return json;
}

/* Bytes and extensions have no place in JSON: "binary" stands for them. */
static json_t *to_json(const msgpack_object *object)
{
	switch (object->type) {
	case MSGPACK_OBJECT_NIL:
		return json_null();
	case MSGPACK_OBJECT_BOOLEAN:
		return json_boolean(object->via.boolean);
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		return json_integer((json_int_t)object->via.u64);
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		return json_integer(object->via.i64);
	case MSGPACK_OBJECT_FLOAT32:
	case MSGPACK_OBJECT_FLOAT64:
		return json_real(object->via.f64);
	case MSGPACK_OBJECT_STR:
		return text_to_json(wire_messagepack_text(&object->via.str));
	case MSGPACK_OBJECT_ARRAY:
		return array_to_json(&object->via.array);
	case MSGPACK_OBJECT_MAP:
		return map_to_json(&object->via.map);
	case MSGPACK_OBJECT_BIN:
	case MSGPACK_OBJECT_EXT:
		break;
	}
	return json_string("binary");
}

static json_t *read_messagepack(struct bytes payload, struct arena *arena, const char **error)
{
	msgpack_unpacked unpacked;
	json_t *json;

	if (!wire_read_messagepack(payload, arena, &unpacked, error))
		return NULL;
	json = to_json(&unpacked.data);
	msgpack_unpacked_destroy(&unpacked);
	return json;
}

json_t *wire_read_payload(struct bytes payload, struct arena *arena, const char **error)
{
	if (payload.size <= PAYLOAD_MAX)
		return wire_is_messagepack(payload) ? read_messagepack(payload, arena, error)
						    : wire_read_json(payload, arena, error);
	invalid(arena, error, "payload", "expected at most %zu bytes", PAYLOAD_MAX);
	return NULL;
}

bool wire_payload_to_line(struct bytes payload, struct arena *arena, const char **line, const char **error)
{
	json_t *json = wire_read_payload(payload, arena, error);

	if (!json)
		return false;
	*line = wire_print_json(json, arena).data;
	json_decref(json);
	return true;
}
