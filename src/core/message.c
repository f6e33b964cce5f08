/* Functions for every message, driven by its descriptor. */
#include "core/message.h"

#include "core/base/decimal.h"
#include "core/base/hash.h"

#include <assert.h>
#include <string.h>

const struct message_descriptor *message_descriptor(enum message_type type)
{
	return &message_descriptors[type];
}

bool message_is_command(enum message_type type)
{
	return type != MSG_NONE && message_descriptors[type].role == ROLE_COMMAND;
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

static const struct field *expect_field(const struct message *message, const char *name)
{
	const struct field *field = field_named(&message_descriptors[message->type], name);

	assert(field);
	return field;
}

int64_t message_number(const struct message *message, const char *name)
{
	return field_number(expect_field(message, name), &message->as);
}

void message_set_text(struct message *message, const char *name, const char *text)
{
	memcpy((char *)&message->as + expect_field(message, name)->offset, &text, sizeof text);
}

void message_set_number(struct message *message, const char *name, int64_t number)
{
	memcpy((char *)&message->as + expect_field(message, name)->offset, &number, sizeof number);
}

static uint64_t digest_text(uint64_t hash, const char *text)
{
	return fnv1a(hash, text, strlen(text) + 1);
}

/* Hashes the number in decimal: the digest is stored, so it must not depend on a machine's byte order. */
static uint64_t digest_number(uint64_t hash, int64_t number)
{
	char text[DECIMAL_MAX + 1] = {0};

	return fnv1a(hash, text, decimal_format(number, text) + 1);
}

static bool is_stamp(const struct field *field)
{
	return !strcmp(field->name, "id") || !strcmp(field->name, "occurred_at");
}

uint64_t message_digest(const struct message *message)
{
	const struct message_descriptor *descriptor = &message_descriptors[message->type];
	uint64_t hash = digest_text(FNV_BASIS, descriptor->name);

	for (size_t i = 0; i < descriptor->field_count; i++) {
		const struct field *field = &descriptor->fields[i];

		if (is_stamp(field) || !field_is_present(field, &message->as))
			continue;
		hash = digest_text(hash, field->name);
		if (field->kind == FIELD_TEXT)
			hash = digest_text(hash, field_text(field, &message->as));
		else
			hash = digest_number(hash, field_number(field, &message->as));
	}
	return hash;
}
