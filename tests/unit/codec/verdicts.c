/*
 * Prints the codec's verdicts on payloads, for a test that compares them with another validator's.
 *
 * Reads lines "MESSAGE HEX" on standard input and answers each with a line of JSON: {"error": …}, or what was
 * read: {"fields": {…}, "id": …, "source": …, "traceparent": …} with days and instants as numbers, and, of an
 * event, "written": {…}, what it looks like in every encoding and envelope, in hex.
 */
#include "adapters/codec/codec.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	struct codec_config config;
} ways[] = {
	{"json bare", {CODEC_JSON, CODEC_BARE, "test"}},
	{"json cloudevents", {CODEC_JSON, CODEC_CLOUDEVENTS, "test"}},
	{"msgpack bare", {CODEC_MSGPACK, CODEC_BARE, "test"}},
	{"msgpack cloudevents", {CODEC_MSGPACK, CODEC_CLOUDEVENTS, "test"}},
};

static int digit_of(char hex)
{
	return isdigit((unsigned char)hex) ? hex - '0' : hex - 'a' + 10;
}

static struct bytes from_hex(const char *hex, struct arena *arena)
{
	size_t size = strlen(hex) / 2;
	char *bytes = arena_alloc(arena, size + 1);

	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)(digit_of(hex[2 * i]) << 4 | digit_of(hex[2 * i + 1]));
	return (struct bytes){bytes, size};
}

static json_t *to_hex(struct bytes bytes, struct arena *arena)
{
	char *hex = arena_alloc(arena, 2 * bytes.size + 1);

	for (size_t i = 0; i < bytes.size; i++)
		snprintf(hex + 2 * i, 3, "%02x", ((const unsigned char *)bytes.data)[i]);
	return json_string(hex);
}

static json_t *fields_of(const struct message *message)
{
	const struct message_descriptor *descriptor = message_descriptor(message->type);
	json_t *fields = json_object();

	for (size_t i = 0; i < descriptor->field_count; i++) {
		const struct field *field = &descriptor->fields[i];

		if (!field_is_present(field, &message->as))
			continue;
		json_object_set_new(fields, field->name,
				    field->kind == FIELD_TEXT
					    ? json_string(field_text(field, &message->as))
					    : json_integer(field_number(field, &message->as)));
	}
	return fields;
}

static json_t *written(const struct envelope *event, struct arena *arena)
{
	json_t *all = json_object();

	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		struct codec *codec = codec_new(&ways[i].config);
		struct bytes payload;
		const char *error;
		bool ok = codec->ops->encode(codec, event, arena, &payload, &error);

		json_object_set_new(all, ways[i].name, ok ? to_hex(payload, arena) : json_string(error));
		codec_free(&codec);
	}
	return all;
}

static json_t *what_was_read(const struct envelope *envelope, struct arena *arena)
{
	json_t *answer =
		json_pack("{s:o, s:s?, s:s, s:s?}", "fields", fields_of(&envelope->message), "id",
			  envelope->id, "source", envelope->source, "traceparent", envelope->traceparent);

	if (message_descriptor(envelope->message.type)->role == ROLE_EVENT)
		json_object_set_new(answer, "written", written(envelope, arena));
	return answer;
}

static json_t *verdict(struct codec *codec, const char *name, const char *hex, struct arena *arena)
{
	struct envelope envelope;
	const char *error;

	if (codec->ops->decode(codec, message_type_named(name), from_hex(hex, arena), arena, &envelope,
			       &error))
		return what_was_read(&envelope, arena);
	return json_pack("{s:s}", "error", error);
}

int main(void)
{
	struct codec *codec = codec_new(&ways[0].config);
	struct arena *arena = arena_new(4096);
	char *line = NULL;
	size_t size = 0;
	ssize_t length;

	while ((length = getline(&line, &size, stdin)) > 0) {
		char *space = strchr(line, ' ');
		json_t *answer;

		line[length - 1] = '\0';
		*space = '\0';
		answer = verdict(codec, line, space + 1, arena);
		json_dumpf(answer, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(answer);
		arena_clear(arena);
	}
	free(line);
	arena_free(&arena);
	codec_free(&codec);
	return 0;
}
