/*
 * Payloads of messages.  The first byte of an input is the tag of a message, the rest is the payload.
 *
 * Judges: jansson reads JSON alike; JSON and MessagePack of one value are one message; a message that is
 * written is read again as it was; what an operator edits or forgets changes nothing else.  judge.py compares
 * what is read with Python's reading.
 */
#include "adapters/codec/codec.h"
#include "adapters/codec/json/json_reader.h"
#include "adapters/codec/msgpack/messagepack.h"
#include "core/base/calendar.h"
#include "core/base/utf8.h"
#include "fuzz.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

/* Sentences that are logged. */
#define ERROR_MAX 256

static const struct codec_config forms[] = {
	{CODEC_JSON, CODEC_BARE, ""},
	{CODEC_MSGPACK, CODEC_BARE, ""},
	{CODEC_JSON, CODEC_CLOUDEVENTS, "shop"},
	{CODEC_MSGPACK, CODEC_CLOUDEVENTS, "shop"},
};

#define FORMS (sizeof forms / sizeof forms[0])

/* A message that is added changes the meaning of no input. */
static const struct {
	char tag;
	enum message_type type;
} tags[] = {
	{'a', MSG_ALLOCATE},         {'c', MSG_CREATE_BATCH},          {'d', MSG_DEALLOCATE},
	{'o', MSG_ORDER_CANCELLED},  {'q', MSG_CHANGE_BATCH_QUANTITY}, {'s', MSG_SHIP},
	{'A', MSG_LINE_ALLOCATED},   {'D', MSG_LINE_DEALLOCATED},      {'O', MSG_OUT_OF_STOCK},
	{'R', MSG_COMMAND_REJECTED}, {'S', MSG_LINE_SHIPPED},
};

#define TAGS (sizeof tags / sizeof tags[0])

_Static_assert(TAGS == MSG_TYPES - 1, "each message has a tag");

static struct arena *arena;
static struct codec *codecs[FORMS];

static void set_up(void)
{
	if (arena)
		return;
	arena = arena_new((size_t)64 * 1024);
	for (size_t i = 0; i < FORMS; i++)
		codecs[i] = codec_new(&forms[i]);
}

/* Returns whether the payload is a message of that type; if not, *error is a sentence that can be logged. */
static bool decode(enum message_type type, struct bytes payload, struct envelope *envelope,
		   const char **error)
{
	*error = NULL;
	if (codecs[0]->ops->decode(codecs[0], type, payload, arena, envelope, error))
		return true;
	fuzz_expect(*error && strlen(*error) <= ERROR_MAX && utf8_is_valid(*error, strlen(*error)),
		    "a refusal without a short sentence");
	return false;
}

/* ---- comparing messages ---- */

static bool is_same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool is_same_field(const struct field *field, const void *a, const void *b)
{
	if (field_is_present(field, a) != field_is_present(field, b))
		return false;
	return field->kind == FIELD_TEXT ? is_same_text(field_text(field, a), field_text(field, b))
					 : field_number(field, a) == field_number(field, b);
}

/* Returns what differs, or NULL.  The id and the source of an event are those of the form that it has. */
static const char *difference(const struct envelope *a, const struct envelope *b)
{
	const struct message_descriptor *descriptor = message_descriptor(a->message.type);

	for (size_t i = 0; i < descriptor->field_count; i++) {
		if (!is_same_field(&descriptor->fields[i], &a->message.as, &b->message.as))
			return descriptor->fields[i].name;
	}
	if (descriptor->role == ROLE_COMMAND && !is_same_text(a->id, b->id))
		return "id of the envelope";
	if (!is_same_text(a->traceparent, b->traceparent))
		return "traceparent";
	return a->occurred_at == b->occurred_at ? NULL : "occurred_at of the envelope";
}

static void expect_same(const char *how, const struct envelope *a, const struct envelope *b)
{
	const char *what = difference(a, b);

	fuzz_expect(!what, "%s has another %s", how, what);
}

/* ---- jansson as a judge ---- */

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

static size_t depth_of(const json_t *value)
{
	size_t inside = 0, index;
	const char *name;
	json_t *inner;

	if (!json_is_object(value) && !json_is_array(value))
		return 0;
	json_object_foreach((json_t *)(uintptr_t)value, name, inner) inside = larger(inside, depth_of(inner));
	json_array_foreach(value, index, inner) inside = larger(inside, depth_of(inner));
	return inside + 1;
}

/* Appends the zeros of the exponent to the digits, or removes them; false: the number is not an integer. */
static bool scale_digits(char *digits, long exponent)
{
	size_t count = strlen(digits);

	for (; exponent < 0 && count > 1 && digits[count - 1] == '0'; exponent++)
		digits[--count] = '\0';
	if (exponent < 0 || (long)count + exponent > 20)
		return false;
	memset(digits + count, '0', (size_t)exponent);
	digits[count + (size_t)exponent] = '\0';
	return true;
}

/* The integer that a number of JSON is, as one would find it on paper: by moving the decimal point. */
static bool integer_on_paper(struct text number, int64_t *integer)
{
	char *digits = arena_alloc(arena, number.length + 32), *to = digits;
	const char *text = arena_text(arena, number.start, number.length), *at = text + (*text == '-');
	long exponent = 0, places = 0;

	for (bool is_fraction = false; *at && *at != 'e' && *at != 'E'; at++) {
		is_fraction |= *at == '.';
		if (*at == '.')
			continue;
		places += is_fraction;
		if (to > digits || *at != '0')
			*to++ = *at;
	}
	*integer = 0;
	if (to == digits)
		return true;
	if (*at)
		exponent = strtol(at + 1, NULL, 10);
	if (exponent < -1000000 || exponent > 1000000 || !scale_digits(digits, exponent - places))
		return false;
	errno = 0;
	*integer = strtoll(arena_join(arena, (const char *[]){*text == '-' ? "-" : "+", digits}, 2, '0'),
			   NULL, 10);
	return errno == 0;
}

/* jansson reads no number that does not fit, and rounds one with a fraction. */
static void check_numbers(const struct json_object *object)
{
	for (size_t i = 0; i < object->count; i++) {
		const struct json_member *member = &object->members[i];
		int64_t integer;

		if (!strchr("-0123456789", *member->raw.start) || !memcmp(member->raw.start, "-I", 2))
			continue;
		if (integer_on_paper(member->raw, &integer))
			fuzz_expect(member->value.kind == VALUE_INTEGER &&
					    member->value.as.integer == integer,
				    "member %zu is the integer %" PRId64, i, integer);
		else
			fuzz_expect(member->value.kind == VALUE_OTHER, "member %zu is no integer", i);
	}
}

static bool is_same_value(const struct json_member *member, const json_t *other)
{
	const struct value *value = &member->value;

	if (json_is_real(other))
		return value->kind == VALUE_INTEGER || value->kind == VALUE_OTHER;
	if (json_is_integer(other))
		return value->kind == VALUE_INTEGER && value->as.integer == json_integer_value(other);
	if (json_is_string(other))
		return value->kind == VALUE_TEXT && value->as.text.length == json_string_length(other) &&
		       !memcmp(value->as.text.start, json_string_value(other), value->as.text.length);
	if (json_is_null(other))
		return value->kind == VALUE_NULL;
	return value->kind == (json_is_object(other) ? VALUE_OBJECT : VALUE_OTHER);
}

static void compare_members(const struct json_object *object, const json_t *other)
{
	fuzz_expect(object->count == json_object_size(other), "jansson finds %zu members, and not %zu",
		    json_object_size(other), object->count);
	for (size_t i = 0; i < object->count; i++) {
		const struct json_member *member = &object->members[i];

		fuzz_expect(is_same_value(member,
					  json_object_getn(other, member->name.start, member->name.length)),
			    "jansson finds another value of member %zu", i);
	}
}

/* What jansson does not read, though it is JSON, or is ignored where no field is. */
static bool is_refused_by_jansson_alone(const json_error_t *fault)
{
	enum json_error_code code = json_error_code(fault);

	return code == json_error_numeric_overflow || code == json_error_null_byte_in_key ||
	       code == json_error_duplicate_key || strstr(fault->text, "invalid Unicode '\\u");
}

/* The line of the payload has neither a byte order mark nor NaN and Infinity, which jansson does not read. */
static void expect_that_jansson_reads(struct bytes payload)
{
	const char *line, *error;
	json_error_t fault;
	json_t *root;

	fuzz_expect(codec_payload_to_line(payload, arena, &line, &error),
		    "a payload that is read has no line");
	root = json_loads(line, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &fault);
	fuzz_expect(root || is_refused_by_jansson_alone(&fault), "jansson: %s", fault.text);
	json_decref(root);
}

static void compare_with_jansson(struct bytes payload, const json_t *root)
{
	struct json_document document;
	const char *error;
	const json_t *data = json_object_get(root, "data");

	if (!codec_read_json(payload, arena, &document, &error)) {
		fuzz_expect(!json_is_object(root) || depth_of(root) > DEPTH_MAX, "jansson reads it: %s",
			    error);
		return;
	}
	fuzz_expect(!root || json_is_object(root), "jansson finds no object");
	if (root)
		compare_members(&document.root, root);
	if (json_is_object(data))
		compare_members(&document.data, data);
	check_numbers(&document.root);
	check_numbers(&document.data);
	codec_release_json(&document);
	expect_that_jansson_reads(payload);
}

/* ---- JSON as MessagePack ---- */

/* Returns false if a real number may have been an integer before jansson rounded it. */
static bool pack(msgpack_packer *packer, const json_t *value)
{
	bool is_exact = true;
	size_t index;
	const char *name;
	json_t *inner;

	switch (json_typeof(value)) {
	case JSON_OBJECT:
		msgpack_pack_map(packer, json_object_size(value));
		json_object_foreach((json_t *)(uintptr_t)value, name, inner)
		{
			msgpack_pack_str(packer, strlen(name));
			msgpack_pack_str_body(packer, name, strlen(name));
			is_exact = pack(packer, inner) && is_exact;
		}
		break;
	case JSON_ARRAY:
		msgpack_pack_array(packer, json_array_size(value));
		json_array_foreach(value, index, inner) is_exact = pack(packer, inner) && is_exact;
		break;
	case JSON_STRING:
		msgpack_pack_str(packer, json_string_length(value));
		msgpack_pack_str_body(packer, json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER:
		msgpack_pack_int64(packer, json_integer_value(value));
		break;
	case JSON_REAL:
		msgpack_pack_double(packer, json_real_value(value));
		return json_real_value(value) != floor(json_real_value(value));
	case JSON_TRUE:
		msgpack_pack_true(packer);
		break;
	case JSON_FALSE:
		msgpack_pack_false(packer);
		break;
	case JSON_NULL:
		msgpack_pack_nil(packer);
		break;
	}
	return is_exact;
}

/* `envelope`: what the JSON was decoded to; NULL: it was refused. */
static void compare_with_messagepack(enum message_type type, const json_t *root,
				     const struct envelope *envelope, const char *error)
{
	msgpack_sbuffer buffer;
	msgpack_packer packer;
	struct envelope other;
	const char *other_error;
	bool is_comparable;

	msgpack_sbuffer_init(&buffer);
	msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
	is_comparable = pack(&packer, root) && buffer.size <= PAYLOAD_MAX && depth_of(root) <= DEPTH_MAX;
	if (is_comparable) {
		bool is_valid = decode(type, (struct bytes){buffer.data, buffer.size}, &other, &other_error);

		fuzz_expect(is_valid == !!envelope, "JSON: %s; MessagePack: %s", error, other_error);
		fuzz_expect(is_valid || !strcmp(error, other_error), "JSON: %s; MessagePack: %s", error,
			    other_error);
		if (envelope)
			expect_same("MessagePack", envelope, &other);
	}
	msgpack_sbuffer_destroy(&buffer);
}

/* ---- MessagePack as JSON ---- */

/* Whether JSON has each of the values, keys included. */
static bool is_like_json(const msgpack_object *value)
{
	bool is_alike = true;

	if (value->type == MSGPACK_OBJECT_MAP) {
		for (uint32_t i = 0; i < value->via.map.size; i++)
			is_alike = is_alike && value->via.map.ptr[i].key.type == MSGPACK_OBJECT_STR &&
				   is_like_json(&value->via.map.ptr[i].val);
	} else if (value->type == MSGPACK_OBJECT_ARRAY) {
		for (uint32_t i = 0; i < value->via.array.size; i++)
			is_alike = is_alike && is_like_json(&value->via.array.ptr[i]);
	} else if (value->type == MSGPACK_OBJECT_FLOAT32 || value->type == MSGPACK_OBJECT_FLOAT64) {
		is_alike = isfinite(value->via.f64);
	}
	return is_alike && value->type != MSGPACK_OBJECT_BIN && value->type != MSGPACK_OBJECT_EXT;
}

/* Returns whether JSON has all of the payload. */
static bool compare_with_line(enum message_type type, struct bytes payload, const struct envelope *envelope)
{
	msgpack_unpacked unpacked;
	struct envelope other;
	const char *line, *error, *other_error;
	bool is_alike;

	if (!codec_read_messagepack(payload, arena, &unpacked, &error))
		return false;
	is_alike = is_like_json(&unpacked.data);
	msgpack_unpacked_destroy(&unpacked);
	fuzz_expect(codec_payload_to_line(payload, arena, &line, &error), "%s", error);
	if (!is_alike || strlen(line) > PAYLOAD_MAX)
		return false;
	fuzz_expect(decode(type, (struct bytes){line, strlen(line)}, &other, &other_error) == !!envelope,
		    "MessagePack is %s; its line: %s", envelope ? "valid" : "refused", other_error);
	if (envelope)
		expect_same("the line", envelope, &other);
	return true;
}

/* ---- writing ---- */

/* An instant before year 1 or after year 9999 in UTC has no text, though it has one in its own zone. */
static bool has_text(int64_t instant)
{
	static const int64_t first = INT64_C(-62135596800000000), last = INT64_C(253402300799999999);

	return instant == NO_INSTANT || (instant >= first && instant <= last);
}

static void write_and_read(struct codec *codec, const struct envelope *envelope, bool needs_id)
{
	enum message_type type = envelope->message.type;
	struct bytes written, again;
	struct envelope read;
	const char *error;

	if (!codec->ops->encode(codec, envelope, arena, &written, &error)) {
		fuzz_expect(!has_text(envelope->occurred_at) || (needs_id && !envelope->id),
			    "a message that was read is not written: %s", error);
		return;
	}
	fuzz_expect(decode(type, written, &read, &error), "what was written is refused: %s", error);
	expect_same("what was written", envelope, &read);
	fuzz_expect(codec->ops->encode(codec, &read, arena, &again, &error) && again.size == written.size &&
			    !memcmp(again.data, written.data, again.size),
		    "what is written again differs");
}

static void write_in_all_forms(const struct envelope *envelope)
{
	bool is_event = message_descriptor(envelope->message.type)->role == ROLE_EVENT;

	for (size_t i = 0; i < (is_event ? FORMS : 1); i++)
		write_and_read(codecs[i], envelope, forms[i].envelope == CODEC_CLOUDEVENTS);
}

/* ---- what operators change ---- */

/* What is edited becomes JSON.  A command gets another id, and a message with a quantity another one. */
static void edit(struct bytes payload, const struct envelope *envelope)
{
	enum message_type type = envelope->message.type;
	const struct field *qty = field_named(message_descriptor(type), "qty");
	struct envelope expected = *envelope, read;
	const char *edits[2], *error;
	struct bytes edited;
	size_t count = 0;

	if (message_is_command(type)) {
		edits[count++] = "id=edited";
		expected.id = "edited";
		message_set_text(&expected.message, "id", "edited");
	}
	if (qty) {
		edits[count++] = "qty=5";
		memcpy((char *)&expected.message.as + qty->offset, &(int32_t){5}, sizeof(int32_t));
	}
	if (!count)
		return;
	fuzz_expect(codec_edits_check(type, edits, count, arena, &error), "%s", error);
	fuzz_expect(codec_payload_edit(type, payload, edits, count, arena, &edited, &error), "%s", error);
	fuzz_expect(decode(type, edited, &read, &error), "what was edited is refused: %s", error);
	expect_same("what was edited", &expected, &read);
}

static const char *const order_names[] = {"orderid", NULL};

static void forget_words(struct bytes payload, const char *orderid)
{
	struct bytes replaced;
	size_t count = codec_words_replace(payload, orderid, "forgotten", arena, &replaced);

	if (!count)
		return;
	fuzz_expect(replaced.size + count * strlen(orderid) == payload.size + count * strlen("forgotten"),
		    "%zu words are replaced, and %zu bytes are left", count, replaced.size);
	fuzz_expect(!((const char *)replaced.data)[replaced.size], "no NUL behind a text");
}

static const char *line_of(struct bytes payload)
{
	const char *line, *error;

	fuzz_expect(codec_payload_to_line(payload, arena, &line, &error), "%s", error);
	return line;
}

/* In the line of a payload the order is replaced in the same places as in the payload. */
static void compare_with_forgotten_line(struct bytes payload, struct bytes replaced, size_t count,
					const char *orderid)
{
	const char *line = line_of(payload);
	struct bytes other;
	size_t other_count = codec_payload_replace((struct bytes){line, strlen(line)}, order_names, orderid,
						   "forgotten", arena, &other);

	fuzz_expect(other_count == count, "%zu orders are replaced, and %zu in the line", count, other_count);
	if (other.size > PAYLOAD_MAX)
		return;
	fuzz_expect(!strcmp(line_of(replaced), line_of(other)),
		    "what is replaced is not what is in the line: %s", line_of(replaced));
}

/* `has_json`: a payload of MessagePack has only values that JSON has. */
static void forget(struct bytes payload, const struct envelope *envelope, bool has_json)
{
	struct envelope expected = *envelope, read;
	enum message_type type = envelope->message.type;
	const char *orderid = message_text(&envelope->message, "orderid"), *error;
	struct bytes replaced;
	size_t count;

	if (!orderid)
		return;
	count = codec_payload_replace(payload, order_names, orderid, "forgotten", arena, &replaced);
	fuzz_expect(count, "the order is not found");
	fuzz_expect(decode(type, replaced, &read, &error), "a payload without the order is refused: %s",
		    error);
	message_set_text(&expected.message, "orderid", "forgotten");
	expect_same("a payload without the order", &expected, &read);
	if (has_json && replaced.size <= PAYLOAD_MAX)
		compare_with_forgotten_line(payload, replaced, count, orderid);
	forget_words(payload, orderid);
}

/* ---- */

static enum message_type type_of(uint8_t tag)
{
	for (size_t i = 0; i < TAGS; i++)
		if (tags[i].tag == (char)tag)
			return tags[i].type;
	return MSG_NONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct envelope envelope;
	struct bytes payload;
	enum message_type type = size ? type_of(data[0]) : MSG_NONE;
	const char *error;
	bool is_valid, has_json = true;

	if (type == MSG_NONE)
		return 0;
	set_up();
	arena_clear(arena);
	payload = (struct bytes){data + 1, size - 1};
	is_valid = decode(type, payload, &envelope, &error);
	if (codec_is_messagepack(payload)) {
		has_json = compare_with_line(type, payload, is_valid ? &envelope : NULL);
	} else {
		json_t *root = memchr(payload.data, '\0', payload.size)
				       ? NULL
				       : json_loadb(payload.data, payload.size,
						    JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

		compare_with_jansson(payload, root);
		if (json_is_object(root))
			compare_with_messagepack(type, root, is_valid ? &envelope : NULL, error);
		json_decref(root);
	}
	if (is_valid) {
		write_in_all_forms(&envelope);
		if (has_json)
			edit(payload, &envelope);
		forget(payload, &envelope, has_json);
	}
	return 0;
}
