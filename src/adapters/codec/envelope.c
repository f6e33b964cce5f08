/* Bare messages and CloudEvents 1.0 (https://github.com/cloudevents/spec, JSON event format). */
#include "adapters/codec/envelope.h"

#include "adapters/codec/fields.h"
#include "adapters/codec/invalid.h"
#include "bus/tracing/traceparent.h"
#include "core/base/calendar.h"
#include "core/base/decimal.h"

#include <inttypes.h>
#include <string.h>

/* The attributes that are read like fields of a message. */
struct attributes {
	const char *id;
	const char *source;
	int64_t time;
};

/* Limits of a command's attributes, in characters. */
#define COMMAND_ID_MAX     255
#define COMMAND_SOURCE_MAX 255

/* SKU/EPOCH/VERSION, the longest id of an event: a SKU may have 255 characters, and each number 19 digits. */
#define EVENT_ID_MAX     (255 + 2 * (1 + 19))
#define EVENT_SOURCE_MAX 1024 /* the longest ALLOCD_SOURCE */

enum { ATTRIBUTE_ID, ATTRIBUTE_SOURCE, ATTRIBUTE_TIME, ATTRIBUTES };

#define ATTRIBUTE_FIELDS(id_max, source_max)                                                                 \
	{                                                                                                    \
		[ATTRIBUTE_ID] = {.name = "id",                                                              \
				  .kind = FIELD_TEXT,                                                        \
				  .required = true,                                                          \
				  .offset = offsetof(struct attributes, id),                                 \
				  .min = 1,                                                                  \
				  .max = (id_max)},                                                          \
		[ATTRIBUTE_SOURCE] = {.name = "source",                                                      \
				      .kind = FIELD_TEXT,                                                    \
				      .required = true,                                                      \
				      .offset = offsetof(struct attributes, source),                         \
				      .min = 1,                                                              \
				      .max = (source_max)},                                                  \
		[ATTRIBUTE_TIME] = {.name = "time",                                                          \
				    .kind = FIELD_INSTANT,                                                   \
				    .nullable = true,                                                        \
				    .offset = offsetof(struct attributes, time)},                            \
	}

static const struct field command_attributes[ATTRIBUTES] =
	ATTRIBUTE_FIELDS(COMMAND_ID_MAX, COMMAND_SOURCE_MAX);
static const struct field event_attributes[ATTRIBUTES] = ATTRIBUTE_FIELDS(EVENT_ID_MAX, EVENT_SOURCE_MAX);

static const struct field *attributes_of(enum message_type type)
{
	return message_descriptor(type)->role == ROLE_EVENT ? event_attributes : command_attributes;
}

static bool read_attributes(struct object object, enum message_type type, struct arena *arena,
			    struct attributes *attributes, const char **error)
{
	const struct message_descriptor descriptor = {
		.name = "cloudevent",
		.size = sizeof *attributes,
		.fields = attributes_of(type),
		.field_count = ATTRIBUTES,
	};

	return fields_read(&descriptor, object, arena, attributes, error);
}

/* The field that says when it happened. */
static const char *instant_of(enum message_type type)
{
	return message_descriptor(type)->key == KEY_MESSAGE ? "at" : "occurred_at";
}

/* ---- reading ---- */

/* The trace that the object names, or NULL: a malformed traceparent is no reason to refuse a message. */
static const char *read_traceparent(struct object object, struct arena *arena)
{
	struct value value = object_member(object, "traceparent");

	return value.kind == VALUE_TEXT ? traceparent_read(value.as.text.start, value.as.text.length, arena)
					: NULL;
}

static bool read_bare(struct object object, enum message_type type, struct arena *arena,
		      struct envelope *envelope, const char **error)
{
	struct message *message = &envelope->message;

	memset(envelope, 0, sizeof *envelope);
	message->type = type;
	if (!fields_read(message_descriptor(type), object, arena, &message->as, error))
		return false;
	envelope->id = message_text(message, "id");
	envelope->source = "";
	envelope->traceparent = read_traceparent(object, arena);
	envelope->occurred_at = message_number(message, instant_of(type));
	return true;
}

/* The attributes of the envelope take precedence over the fields of the data. */
static void apply_attributes(const struct attributes *attributes, struct envelope *envelope)
{
	struct message *message = &envelope->message;

	envelope->id = attributes->id;
	envelope->source = attributes->source;
	if (attributes->time != NO_INSTANT)
		envelope->occurred_at = attributes->time;
	message_set_number(message, instant_of(message->type), envelope->occurred_at);
	if (message_is_command(message->type))
		message_set_text(message, "id", envelope->id);
}

static bool is_text(struct object object, const char *name, const char *expected)
{
	struct value value = object_member(object, name);
	size_t length = strlen(expected);

	return value.kind == VALUE_TEXT && value.as.text.length == length &&
	       !memcmp(value.as.text.start, expected, length);
}

static bool is_given(struct object object, const char *name)
{
	enum value_kind kind = object_member(object, name).kind;

	return kind != VALUE_ABSENT && kind != VALUE_NULL;
}

static bool check_fixed_attributes(struct object object, const char *name, struct arena *arena,
				   const char **error)
{
	if (!is_text(object, "specversion", "1.0"))
		return invalid(arena, error, "specversion", "expected \"1.0\"");
	if (!is_text(object, "type", name))
		return invalid(arena, error, "type", "expected \"%s\"", name);
	if (is_given(object, "data_base64"))
		return invalid(arena, error, "data_base64", "not supported: expected an object in data");
	return true;
}

static bool read_cloudevent(struct object object, enum message_type type, struct arena *arena,
			    struct envelope *envelope, const char **error)
{
	struct value data = object_member(object, "data");
	const char *traceparent;
	struct attributes attributes;

	if (!check_fixed_attributes(object, message_name(type), arena, error) ||
	    !read_attributes(object, type, arena, &attributes, error))
		return false;
	if (data.kind != VALUE_OBJECT)
		return invalid(arena, error, "data", "expected an object with the fields of the message");
	if (!read_bare(data.as.object, type, arena, envelope, error))
		return false;
	apply_attributes(&attributes, envelope);
	traceparent = read_traceparent(object, arena);
	if (traceparent)
		envelope->traceparent = traceparent;
	return true;
}

/* The id or the source of a message that is refused, or NULL if it cannot be read. */
static const char *readable_text(struct object payload, const struct field *field, struct arena *arena)
{
	const struct message_descriptor alone = {
		.name = field->name,
		.size = sizeof(struct attributes),
		.fields = field,
		.field_count = 1,
	};
	struct attributes attributes;
	const char *ignored;

	return fields_read(&alone, payload, arena, &attributes, &ignored) ? field_text(field, &attributes)
									  : NULL;
}

static void keep_identity(struct object payload, enum message_type type, bool is_cloudevent,
			  struct arena *arena, struct envelope *envelope)
{
	const struct field *attributes = attributes_of(type);
	const char *source =
		is_cloudevent ? readable_text(payload, &attributes[ATTRIBUTE_SOURCE], arena) : NULL;

	envelope->id = readable_text(payload, &attributes[ATTRIBUTE_ID], arena);
	envelope->source = source ? source : "";
	envelope->traceparent = read_traceparent(payload, arena);
}

bool envelope_read(struct object payload, enum message_type type, struct arena *arena,
		   struct envelope *envelope, const char **error)
{
	bool is_cloudevent = object_member(payload, "specversion").kind != VALUE_ABSENT;
	struct envelope found;

	if (is_cloudevent ? read_cloudevent(payload, type, arena, &found, error)
			  : read_bare(payload, type, arena, &found, error)) {
		*envelope = found;
		return true;
	}
	keep_identity(payload, type, is_cloudevent, arena, envelope);
	return false;
}

/* ---- writing ---- */

static bool add_traceparent(struct document *document, const char *traceparent, struct arena *arena,
			    const char **error)
{
	if (!traceparent)
		return true;
	if (!traceparent_read(traceparent, strlen(traceparent), arena))
		return invalid(arena, error, "traceparent", "expected the form of W3C Trace Context");
	document_add_text(document, "traceparent", traceparent);
	return true;
}

/* With room for one member more. */
static struct document *fields_document(const struct message *message, struct arena *arena,
					const char **error)
{
	const struct message_descriptor *descriptor = message_descriptor(message->type);
	struct document *document = document_new(arena, descriptor->field_count + 1);

	return fields_write(descriptor, &message->as, arena, document, error) ? document : NULL;
}

struct document *bare_document(const struct envelope *envelope, struct arena *arena, const char **error)
{
	struct document *document = fields_document(&envelope->message, arena, error);

	return document && add_traceparent(document, envelope->traceparent, arena, error) ? document : NULL;
}

/* An event about a message has an id in its envelope already. */
static const char *id_of(const struct envelope *envelope, struct arena *arena)
{
	const struct message *event = &envelope->message;
	const char *sku = message_text(event, "sku"), *version;
	int64_t epoch;

	if (!sku)
		return envelope->id;
	epoch = message_number(event, "epoch");
	version = decimal_text(message_number(event, "version"), arena);
	return epoch > 1
		       ? arena_join(arena, (const char *[]){sku, decimal_text(epoch, arena), version}, 3, '/')
		       : arena_join(arena, (const char *[]){sku, version}, 2, '/');
}

struct document *cloudevent_document(const struct envelope *event, const char *source, struct arena *arena,
				     const char **error)
{
	struct document *data = fields_document(&event->message, arena, error);
	struct document *document = document_new(arena, 8);
	const char *id = id_of(event, arena);

	if (!data)
		return NULL;
	if (!id) {
		invalid(arena, error, "id", "missing, and required");
		return NULL;
	}
	document_add_text(document, "specversion", "1.0");
	document_add_text(document, "id", id);
	document_add_text(document, "source", source);
	document_add_text(document, "type", message_name(event->message.type));
	document_add(document, "time", object_member(document_view(data), instant_of(event->message.type)));
	document_add_text(document, "datacontenttype", "application/json");
	if (!add_traceparent(document, event->traceparent, arena, error))
		return NULL;
	document_add_document(document, "data", data);
	return document;
}
