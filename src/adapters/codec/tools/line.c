/* Payloads for the eye: one line of JSON, whatever they were encoded in. */
#include "adapters/codec/codec.h"
#include "adapters/codec/invalid.h"
#include "adapters/codec/json/json_tree.h"
#include "adapters/codec/json/json_writer.h"
#include "adapters/codec/msgpack/messagepack.h"
#include "adapters/codec/tools/payload.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- MessagePack as JSON ---- */

static void put_value(struct json_output *out, const msgpack_object *object);

static void put_word(struct json_output *out, const char *word)
{
	json_put(out, word, strlen(word));
}

static void put_real(struct json_output *out, double real)
{
	char digits[32];

	if (!isfinite(real)) {
		put_word(out, "null");
		return;
	}
	snprintf(digits, sizeof digits, "%.17g", real);
	put_word(out, digits);
}

static void put_unsigned(struct json_output *out, uint64_t number)
{
	char digits[24];

	snprintf(digits, sizeof digits, "%" PRIu64, number);
	put_word(out, digits);
}

static bool is_number(const msgpack_object *object)
{
	return object->type == MSGPACK_OBJECT_POSITIVE_INTEGER ||
	       object->type == MSGPACK_OBJECT_NEGATIVE_INTEGER;
}

/* JSON's keys are texts: a number becomes its digits. */
static void put_key(struct json_output *out, const msgpack_object *key)
{
	if (key->type == MSGPACK_OBJECT_STR) {
		json_put_text(out, codec_messagepack_text(&key->via.str));
	} else if (is_number(key)) {
		put_word(out, "\"");
		put_value(out, key);
		put_word(out, "\"");
	} else {
		put_word(out, "\"binary\"");
	}
}

static void put_map(struct json_output *out, const msgpack_object_map *map)
{
	put_word(out, "{");
	for (size_t i = 0; i < map->size; i++) {
		if (i)
			put_word(out, ",");
		put_key(out, &map->ptr[i].key);
		put_word(out, ":");
		put_value(out, &map->ptr[i].val);
	}
	put_word(out, "}");
}

static void put_array(struct json_output *out, const msgpack_object_array *array)
{
	put_word(out, "[");
	for (size_t i = 0; i < array->size; i++) {
		if (i)
			put_word(out, ",");
		put_value(out, &array->ptr[i]);
	}
	put_word(out, "]");
}

/* Bytes and extensions have no place in JSON: "binary" stands for them. */
static void put_value(struct json_output *out, const msgpack_object *object)
{
	switch (object->type) {
	case MSGPACK_OBJECT_NIL:
		put_word(out, "null");
		return;
	case MSGPACK_OBJECT_BOOLEAN:
		put_word(out, object->via.boolean ? "true" : "false");
		return;
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		put_unsigned(out, object->via.u64);
		return;
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		json_put_integer(out, object->via.i64);
		return;
	case MSGPACK_OBJECT_FLOAT32:
	case MSGPACK_OBJECT_FLOAT64:
		put_real(out, object->via.f64);
		return;
	case MSGPACK_OBJECT_STR:
		json_put_text(out, codec_messagepack_text(&object->via.str));
		return;
	case MSGPACK_OBJECT_ARRAY:
		put_array(out, &object->via.array);
		return;
	case MSGPACK_OBJECT_MAP:
		put_map(out, &object->via.map);
		return;
	case MSGPACK_OBJECT_BIN:
	case MSGPACK_OBJECT_EXT:
		break;
	}
	put_word(out, "\"binary\"");
}

static bool messagepack_to_json(struct bytes payload, struct arena *arena, struct bytes *json,
				const char **error)
{
	struct json_output out = {0};
	msgpack_unpacked unpacked;

	if (!codec_read_messagepack(payload, arena, &unpacked, error))
		return false;
	put_value(&out, &unpacked.data);
	out = (struct json_output){arena_alloc(arena, out.size + 1), out.size, 0};
	put_value(&out, &unpacked.data);
	msgpack_unpacked_destroy(&unpacked);
	*json = (struct bytes){out.text, out.size};
	return true;
}

/* ---- any payload ---- */

bool codec_payload_to_json(struct bytes payload, struct arena *arena, struct bytes *json, const char **error)
{
	if (payload.size > PAYLOAD_MAX)
		return invalid(arena, error, "payload", "expected at most %zu bytes", PAYLOAD_MAX);
	return codec_is_messagepack(payload) ? messagepack_to_json(payload, arena, json, error)
					     : codec_compact_json(payload, arena, json, error);
}

bool codec_payload_to_line(struct bytes payload, struct arena *arena, const char **line, const char **error)
{
	struct bytes json = {NULL, 0};

	if (!codec_payload_to_json(payload, arena, &json, error))
		return false;
	*line = json.data;
	return true;
}
