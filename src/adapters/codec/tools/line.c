/* Shows payloads of either encoding to people, as one line of JSON. */
#include "adapters/codec/codec.h"
#include "adapters/codec/invalid.h"
#include "adapters/codec/json/json_reader.h"
#include "adapters/codec/json/json_writer.h"
#include "adapters/codec/msgpack/messagepack.h"
#include "adapters/codec/tools/payload.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- MessagePack as JSON ---- */

static void write_value(struct json_output *out, const msgpack_object *object);

static void write_word(struct json_output *out, const char *word)
{
	json_append(out, word, strlen(word));
}

static void write_real(struct json_output *out, double real)
{
	char digits[32];

	if (!isfinite(real)) {
		write_word(out, "null");
		return;
	}
	snprintf(digits, sizeof digits, "%.17g", real);
	write_word(out, digits);
}

static void write_unsigned(struct json_output *out, uint64_t number)
{
	char digits[24];

	snprintf(digits, sizeof digits, "%" PRIu64, number);
	write_word(out, digits);
}

/* Keys are texts in JSON, so a number becomes its digits. */
static void write_key(struct json_output *out, const msgpack_object *key)
{
	if (key->type == MSGPACK_OBJECT_STR) {
		json_write_text(out, codec_messagepack_text(&key->via.str));
	} else if (key->type == MSGPACK_OBJECT_POSITIVE_INTEGER ||
		   key->type == MSGPACK_OBJECT_NEGATIVE_INTEGER) {
		write_word(out, "\"");
		write_value(out, key);
		write_word(out, "\"");
	} else {
		write_word(out, "\"binary\"");
	}
}

static void write_map(struct json_output *out, const msgpack_object_map *map)
{
	write_word(out, "{");
	for (size_t i = 0; i < map->size; i++) {
		if (i)
			write_word(out, ",");
		write_key(out, &map->ptr[i].key);
		write_word(out, ":");
		write_value(out, &map->ptr[i].val);
	}
	write_word(out, "}");
}

static void write_array(struct json_output *out, const msgpack_object_array *array)
{
	write_word(out, "[");
	for (size_t i = 0; i < array->size; i++) {
		if (i)
			write_word(out, ",");
		write_value(out, &array->ptr[i]);
	}
	write_word(out, "]");
}

/* JSON has no bytes and extensions: "binary" replaces them. */
static void write_value(struct json_output *out, const msgpack_object *object)
{
	switch (object->type) {
	case MSGPACK_OBJECT_NIL:
		write_word(out, "null");
		return;
	case MSGPACK_OBJECT_BOOLEAN:
		write_word(out, object->via.boolean ? "true" : "false");
		return;
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		write_unsigned(out, object->via.u64);
		return;
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		json_write_integer(out, object->via.i64);
		return;
	case MSGPACK_OBJECT_FLOAT32:
	case MSGPACK_OBJECT_FLOAT64:
		write_real(out, object->via.f64);
		return;
	case MSGPACK_OBJECT_STR:
		json_write_text(out, codec_messagepack_text(&object->via.str));
		return;
	case MSGPACK_OBJECT_ARRAY:
		write_array(out, &object->via.array);
		return;
	case MSGPACK_OBJECT_MAP:
		write_map(out, &object->via.map);
		return;
	case MSGPACK_OBJECT_BIN:
	case MSGPACK_OBJECT_EXT:
		break;
	}
	write_word(out, "\"binary\"");
}

static bool messagepack_to_json(struct bytes payload, struct arena *arena, struct bytes *json,
				const char **error)
{
	struct json_output out = {0};
	msgpack_unpacked unpacked;

	if (!codec_read_messagepack(payload, arena, &unpacked, error))
		return false;
	write_value(&out, &unpacked.data);
	out = (struct json_output){arena_alloc(arena, out.size + 1), out.size, 0};
	write_value(&out, &unpacked.data);
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
