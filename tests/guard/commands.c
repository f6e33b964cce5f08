/* Encodes the commands independently of the codec that is measured. */
#include "commands.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NEVER_ENDS 1000000000

#define FIELDS_MAX 5
#define TEXT_SIZE  32

/* A text, or a number when the text is empty. */
struct value {
	const char *name;
	char text[TEXT_SIZE];
	int number;
};

struct content {
	enum message_type type;
	struct value values[FIELDS_MAX];
	size_t count;
};

/* ---- fields ---- */

__attribute__((format(printf, 3, 4))) static void say(struct content *content, const char *name,
						      const char *format, ...)
{
	struct value *value = &content->values[content->count++];
	va_list args;

	value->name = name;
	va_start(args, format);
	vsnprintf(value->text, sizeof value->text, format, args);
	va_end(args);
}

static void say_qty(struct content *content, int qty)
{
	content->values[content->count++] = (struct value){.name = "qty", .number = qty};
}

static void say_create(struct content *content, const char *batch, const char *sku, int number, int qty)
{
	content->type = MSG_CREATE_BATCH;
	say(content, "batchref", "%s-%04d", batch, number % SKUS);
	say(content, "sku", "%s-%04d", sku, number % SKUS);
	say_qty(content, qty);
}

static void say_allocate(struct content *content, const char *order, const char *sku, int round, int number)
{
	content->type = MSG_ALLOCATE;
	say(content, "orderid", "%s-%04d-%04d", order, round, number);
	say(content, "sku", "%s-%04d", sku, number % SKUS);
	say_qty(content, 1);
}

/* The message has the fields of an allocate. */
static void say_release(struct content *content, enum message_type type, const char *order, int round,
			int number)
{
	say_allocate(content, order, "lamp", round, number);
	content->type = type;
}

static void say_reallocate(struct content *content, int round, int number)
{
	assert(round < SMALL_QTY);
	content->type = MSG_CHANGE_BATCH_QUANTITY;
	say(content, "batchref", "small-%04d", number % SKUS);
	say_qty(content, SMALL_QTY - 1 - round);
}

static void say_new_batch(struct content *content, int round, int number)
{
	content->type = MSG_CREATE_BATCH;
	say(content, "batchref", "batch-%04d-%04d", round, number);
	say(content, "sku", "lamp-%04d", number % SKUS);
	say_qty(content, 10);
	say(content, "eta", "2030-01-01");
}

#define ONE_SKU "bulb-0000"

static void say_create_of_one_sku(struct content *content, const char *batch, int round, int number, int qty)
{
	content->type = MSG_CREATE_BATCH;
	say(content, "batchref", "%s-%04d-%04d", batch, round, number);
	say(content, "sku", ONE_SKU);
	say_qty(content, qty);
}

static void say_allocate_of_one_sku(struct content *content, int round, int number)
{
	content->type = MSG_ALLOCATE;
	say(content, "orderid", "order-%04d-%04d", round, number);
	say(content, "sku", ONE_SKU);
	say_qty(content, 1);
}

static void say_what(struct content *content, enum work work, int round, int number)
{
	switch (work) {
	case STOCK_SHELF:
		say_create(content, "shelf", "lamp", number, NEVER_ENDS);
		break;
	case STOCK_SMALL:
		say_create(content, "small", "sofa", number, SMALL_QTY);
		break;
	case STOCK_LARGE:
		say_create(content, "large", "sofa", number, NEVER_ENDS);
		say(content, "eta", "2030-01-01");
		break;
	case FILL_SMALL:
		say_allocate(content, "order", "sofa", round, number);
		break;
	case ALLOCATE:
		say_allocate(content, "order", "lamp", round, number);
		break;
	case HOLD:
		say_allocate(content, "held0", "lamp", round, number);
		break;
	case LOAD:
		say_allocate(content, "load0", "lamp", round, number);
		break;
	case DEALLOCATE:
		say_release(content, MSG_DEALLOCATE, "held0", round, number);
		break;
	case SHIP:
		say_release(content, MSG_SHIP, "load0", round, number);
		break;
	case REALLOCATE:
		say_reallocate(content, round, number);
		break;
	case NEW_BATCH:
		say_new_batch(content, round, number);
		break;
	case UNKNOWN_SKU:
		say_allocate(content, "order", "none", round, number);
		break;
	case SAME_ID:
		say_allocate(content, "again", "lamp", 0, number);
		say(content, "id", "id-%04d", number);
		break;
	case STOCK_SHIPMENT:
		say_create_of_one_sku(content, "shipment", round, number, NEVER_ENDS);
		say(content, "eta", "2030-01-01");
		break;
	case STOCK_PIECE:
		say_create_of_one_sku(content, "piece", round, number, 1);
		break;
	case ALLOCATE_ONE_SKU:
		say_allocate_of_one_sku(content, round, number);
		break;
	case KINDS_OF_WORK:
		assert(false);
	}
}

/* ---- JSON ---- */

static const char *as_json(struct arena *arena, const struct content *content)
{
	const char *json = "{";

	for (size_t i = 0; i < content->count; i++) {
		const struct value *value = &content->values[i];
		const char *comma = i ? "," : "";

		json = value->text[0] ? arena_printf(arena, "%s%s\"%s\":\"%s\"", json, comma, value->name,
						     value->text)
				      : arena_printf(arena, "%s%s\"%s\":%d", json, comma, value->name,
						     value->number);
	}
	return arena_printf(arena, "%s}", json);
}

static const char *as_cloudevent(struct arena *arena, const struct content *content, int round, int number)
{
	return arena_printf(
		arena,
		"{\"specversion\":\"1.0\",\"type\":\"%s\",\"source\":\"guard\",\"id\":\"%04d-%04d\","
		"\"time\":\"2020-01-01T00:00:00Z\",\"datacontenttype\":\"application/json\","
		"\"traceparent\":\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\",\"data\":%s}",
		message_name(content->type), round, number, as_json(arena, content));
}

/* ---- MessagePack ---- */

static unsigned char *put_text(unsigned char *at, const char *text)
{
	size_t size = strlen(text);

	assert(size < 32);
	*at++ = (unsigned char)(0xa0 | size);
	return (unsigned char *)mempcpy(at, text, size);
}

static unsigned char *put_number(unsigned char *at, int number)
{
	*at++ = 0xd2;
	for (int shift = 24; shift >= 0; shift -= 8)
		*at++ = (unsigned char)(number >> shift);
	return at;
}

static struct bytes as_msgpack(struct arena *arena, const struct content *content)
{
	unsigned char *bytes = arena_alloc(arena, 1 + FIELDS_MAX * 2 * TEXT_SIZE), *at = bytes;

	*at++ = (unsigned char)(0x80 | content->count);
	for (size_t i = 0; i < content->count; i++) {
		const struct value *value = &content->values[i];

		at = put_text(at, value->name);
		at = value->text[0] ? put_text(at, value->text) : put_number(at, value->number);
	}
	return (struct bytes){bytes, (size_t)(at - bytes)};
}

struct command command_make(struct arena *arena, enum work work, enum dress dress, int round, int number)
{
	struct content content = {0};
	const char *text;

	say_what(&content, work, round, number);
	if (dress == DRESS_MSGPACK)
		return (struct command){content.type, as_msgpack(arena, &content)};
	text = dress == DRESS_JSON ? as_json(arena, &content) : as_cloudevent(arena, &content, round, number);
	return (struct command){content.type, {text, strlen(text)}};
}
