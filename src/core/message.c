/* What holds for every message, told by its descriptor. */
#include "core/message.h"

#include "core/partition.h"

#include <string.h>

const struct message_descriptor *message_descriptor(enum message_type type)
{
	return &message_descriptors[type];
}

enum message_type message_type_named(const char *name)
{
	for (enum message_type type = MSG_NONE + 1; type < MSG_TYPES; type++) {
		if (!strcmp(message_descriptors[type].name, name))
			return type;
	}
	return MSG_NONE;
}

const char *message_name(enum message_type type)
{
	return type == MSG_NONE ? "unknown" : message_descriptors[type].name;
}

void message_init(struct message *message, enum message_type type)
{
	memset(message, 0, sizeof *message);
	message->type = type;
	fields_clear(&message_descriptors[type], &message->as);
}

const char *message_text(const struct message *message, const char *name)
{
	const struct field *field = field_named(&message_descriptors[message->type], name);

	return field && field->kind == FIELD_TEXT ? field_text(field, &message->as) : NULL;
}

static uint64_t digest_field(uint64_t hash, const struct field *field, const void *body)
{
	int64_t number;
	const char *text;

	if (field->kind != FIELD_TEXT) {
		number = field_number(field, body);
		return fnv1a(hash, &number, sizeof number);
	}
	text = field_text(field, body);
	if (!text)
		return fnv1a(hash, "\xff", 1); /* no text: a byte that UTF-8 never has */
	return fnv1a(hash, text, strlen(text) + 1);
}

uint64_t message_digest(const struct message *message)
{
	const struct message_descriptor *descriptor = &message_descriptors[message->type];
	uint64_t hash = fnv1a(FNV_BASIS, descriptor->name, strlen(descriptor->name) + 1);

	for (size_t i = 0; i < descriptor->field_count; i++) {
		const struct field *field = &descriptor->fields[i];

		if (strcmp(field->name, "id") && strcmp(field->name, "occurred_at"))
			hash = digest_field(hash, field, &message->as);
	}
	return hash;
}
