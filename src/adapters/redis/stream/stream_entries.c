/* A tolerant reader: accepts fields in any order, and ignores unknown ones. */
#include "adapters/redis/stream/stream_entries.h"

#include "bus/ports/codec.h"
#include "core/base/utf8.h"

#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

_Static_assert(STREAM_READ_MAX < RESP_ARRAY_MAX, "the entries of one read are not shortened");
_Static_assert(STREAM_READ_FIRST *(RESP_ARRAY_MAX *RESP_VALUE_SIZE + RESP_SHARE(PAYLOAD_MAX)) <
		       RESP_REPLY_MAX(PAYLOAD_MAX),
	       "a read of few entries returns all of them, of any content");

#define ID_MAX 255

enum entry_field { FIELD_TYPE, FIELD_DATA, FIELD_ID, FIELD_ORIGIN, FIELD_TRACE, ENTRY_FIELDS };

static const char *const names[] = {[FIELD_TYPE] = "type",
				    [FIELD_DATA] = "data",
				    [FIELD_ID] = "id",
				    [FIELD_ORIGIN] = "origin",
				    [FIELD_TRACE] = "traceparent"};

/* One entry, while it is read. */
struct entry_reading {
	struct stream_entry *entry;
	char *defect; /* the first one; empty: none */
	const redisReply *fields[ENTRY_FIELDS];
};

__attribute__((format(printf, 2, 3))) static void refuse(struct entry_reading *reading, const char *format,
							 ...)
{
	va_list arguments;

	if (*reading->defect)
		return;
	va_start(arguments, format);
	vsnprintf(reading->defect, ENTRY_TYPE_SHOWN + 32, format, arguments);
	va_end(arguments);
	reading->entry->defect = reading->defect;
}

/* ---- what the fields say ---- */

/* Quotes the beginning of the type, as printable ASCII. */
static void refuse_type(struct entry_reading *reading, const redisReply *type)
{
	char shown[ENTRY_TYPE_SHOWN + 1] = "";

	for (size_t i = 0; i < type->len && i < ENTRY_TYPE_SHOWN; i++)
		shown[i] = type->str[i] < ' ' || type->str[i] > '~' ? '?' : type->str[i];
	refuse(reading, "type: unknown command %s", shown);
}

static void read_type(struct entry_reading *reading)
{
	const redisReply *type = reading->fields[FIELD_TYPE];

	if (!type || !type->len) {
		refuse(reading, "type: missing");
		return;
	}
	if (strlen(type->str) == type->len) {
		reading->entry->type = message_type_named(type->str);
		reading->entry->unknown = reading->entry->type == MSG_NONE ? type->str : NULL;
	}
	if (reading->entry->type == MSG_NONE)
		refuse_type(reading, type);
}

static void read_data(struct entry_reading *reading)
{
	const redisReply *data = reading->fields[FIELD_DATA];

	if (!data) {
		refuse(reading, "data: missing");
		return;
	}
	reading->entry->payload = (struct bytes){data->str, data->len};
	reading->entry->payload_size = (size_t)data->integer;
}

static bool is_id(const redisReply *id)
{
	return id->len > 0 && utf8_is_valid(id->str, id->len) && utf8_count(id->str, id->len) <= ID_MAX &&
	       !memchr(id->str, '\0', id->len);
}

static void read_id(struct entry_reading *reading)
{
	const redisReply *id = reading->fields[FIELD_ID];

	if (!id)
		return;
	if (is_id(id))
		reading->entry->message_id = id->str;
	else
		refuse(reading, "id: expected 1 to %d characters", ID_MAX);
}

/* A publisher may have a field of that name, too: then it says nothing to us. */
static void read_origin(struct entry_reading *reading)
{
	const redisReply *origin = reading->fields[FIELD_ORIGIN];

	if (origin && utf8_is_valid(origin->str, origin->len) && !memchr(origin->str, '\0', origin->len))
		reading->entry->origin = origin->str;
}

/* A malformed one has no effect. */
static void read_trace(struct entry_reading *reading)
{
	if (reading->fields[FIELD_TRACE])
		reading->entry->traceparent = reading->fields[FIELD_TRACE]->str;
}

/* ---- which fields there are ---- */

/* Whether a text was cut because the fields before it had used the entry's share. */
static bool is_shortened(const redisReply *text)
{
	return text->len < PAYLOAD_MAX && (size_t)text->integer > text->len;
}

static void read_field(struct entry_reading *reading, const redisReply *name, const redisReply *value)
{
	size_t field = 0;

	if (is_shortened(name) || is_shortened(value))
		refuse(reading, "fields: larger than %zu KiB", RESP_SHARE(PAYLOAD_MAX) / 1024);
	while (field < ENTRY_FIELDS && !resp_is_text(name, names[field]))
		field++;
	if (field == ENTRY_FIELDS)
		return;
	if (!reading->fields[field])
		reading->fields[field] = value;
	else if (field != FIELD_ORIGIN && field != FIELD_TRACE)
		refuse(reading, "%s: given twice", names[field]);
}

static bool read_fields(struct entry_reading *reading, const redisReply *fields)
{
	for (size_t i = 0; i < fields->elements; i++)
		if (fields->element[i]->type != REDIS_REPLY_STRING)
			return false;
	if (fields->elements / 2 > ENTRY_FIELDS_MAX)
		refuse(reading, "fields: more than %d", ENTRY_FIELDS_MAX);
	for (size_t i = 0; i < fields->elements; i++)
		reading->entry->whole_size += (size_t)fields->element[i]->integer;
	for (size_t i = 0; i + 1 < fields->elements; i += 2)
		read_field(reading, fields->element[i], fields->element[i + 1]);
	read_type(reading);
	read_data(reading);
	read_id(reading);
	read_origin(reading);
	read_trace(reading);
	return true;
}

/* ---- the answer ---- */

static bool is_array(const redisReply *reply, size_t elements)
{
	return reply->type == REDIS_REPLY_ARRAY && reply->elements == elements;
}

/* An entry is its id and its fields; nil replaces the fields if it was deleted. */
static bool read_entry(struct entry_reading *reading, const redisReply *reply)
{
	const redisReply *fields;

	if (!is_array(reply, 2) || reply->element[0]->type != REDIS_REPLY_STRING ||
	    !stream_id_parse(reply->element[0]->str, &reading->entry->id))
		return false;
	fields = reply->element[1];
	reading->entry->gone = fields->type == REDIS_REPLY_NIL;
	return reading->entry->gone || (fields->type == REDIS_REPLY_ARRAY && read_fields(reading, fields));
}

bool stream_entries_parse_list(struct stream_entries *entries, const redisReply *list)
{
	entries->count = 0;
	if (list->type != REDIS_REPLY_ARRAY || list->elements > STREAM_READ_MAX)
		return false;
	for (size_t i = 0; i < list->elements; i++) {
		struct entry_reading reading = {.entry = &entries->all[i], .defect = entries->defects[i]};

		entries->all[i] = (struct stream_entry){.type = MSG_NONE};
		entries->defects[i][0] = '\0';
		if (!read_entry(&reading, list->element[i]))
			return false;
	}
	entries->count = list->elements;
	return true;
}

bool stream_entries_parse(struct stream_entries *entries, const redisReply *reply)
{
	entries->count = 0;
	if (reply->type == REDIS_REPLY_NIL)
		return true;
	return is_array(reply, 1) && is_array(reply->element[0], 2) &&
	       stream_entries_parse_list(entries, reply->element[0]->element[1]);
}
