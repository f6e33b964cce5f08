/* A codec and an arena for each test. */
#include "codec_fixture.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arena *arena;

void codec_set_up(void)
{
	arena = arena_new(1024);
}

void codec_tear_down(void)
{
	arena_free(&arena);
}

struct bytes bytes_of(const char *text)
{
	return (struct bytes){text, strlen(text)};
}

struct bytes bytes_printf(const char *format, ...)
{
	va_list args;
	char *text;
	int length;

	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	ck_assert_int_ge(length, 0);
	const struct bytes copy = {arena_copy(arena, text, (size_t)length), (size_t)length};
	free(text);
	return copy;
}

const char *repeated(const char *text, size_t count)
{
	size_t length = strlen(text);
	char *all = arena_alloc(arena, length * count + 1);

	for (size_t i = 0; i < count; i++)
		memcpy(all + i * length, text, length);
	return all;
}

static struct codec *codec_of(enum codec_encoding encoding, enum codec_envelope form)
{
	return codec_new(
		&(struct codec_config){.encoding = encoding, .envelope = form, .source = "warehouse"});
}

/*
 * Decodes a copy that ends where the payload ends and is freed afterwards, so that the sanitizer detects
 * reads beyond the end, and an envelope that still points into the payload.
 */
static bool decode_copy(enum message_type type, struct bytes payload, struct envelope *envelope,
			const char **error)
{
	struct codec *codec = codec_of(CODEC_JSON, CODEC_BARE);
	void *copy = malloc(payload.size ? payload.size : 1);
	bool ok;

	memcpy(copy, payload.data, payload.size);
	ok = codec->ops->decode(codec, type, (struct bytes){copy, payload.size}, arena, envelope, error);
	free(copy);
	codec_free(&codec);
	ck_assert_ptr_null(codec);
	return ok;
}

struct envelope accepted(enum message_type type, struct bytes payload)
{
	struct envelope envelope;
	const char *error = "";

	ck_assert_msg(decode_copy(type, payload, &envelope, &error), "refused: %s", error);
	ck_assert_int_eq(envelope.message.type, type);
	return envelope;
}

clock_t time_to_read(enum message_type type, struct bytes payload)
{
	clock_t least = 0;

	for (int i = 0; i < 5; i++) {
		clock_t start = clock();
		clock_t took;

		accepted(type, payload);
		took = clock() - start;
		if (i == 0 || took < least)
			least = took;
	}
	return least;
}

const char *refused(enum message_type type, struct bytes payload)
{
	struct envelope envelope;
	const char *error = NULL;

	ck_assert_msg(!decode_copy(type, payload, &envelope, &error), "accepted: %.*s", (int)payload.size,
		      (const char *)payload.data);
	ck_assert_ptr_nonnull(error);
	ck_assert_uint_le(strlen(error), 200);
	return error;
}

const char *id_of_refused(enum message_type type, struct bytes payload)
{
	struct envelope envelope = {.id = NULL};
	const char *error = NULL;

	ck_assert(!decode_copy(type, payload, &envelope, &error));
	return envelope.id;
}

struct bytes encoded(enum codec_encoding encoding, enum codec_envelope form, const struct envelope *event)
{
	struct codec *codec = codec_of(encoding, form);
	struct bytes payload = {NULL, 0};
	const char *error = "";

	ck_assert_msg(codec->ops->encode(codec, event, arena, &payload, &error), "refused: %s", error);
	codec_free(&codec);
	return payload;
}

const char *not_encoded(enum codec_envelope form, const struct envelope *event)
{
	struct codec *codec = codec_of(CODEC_JSON, form);
	struct bytes payload;
	const char *error = NULL;

	ck_assert(!codec->ops->encode(codec, event, arena, &payload, &error));
	codec_free(&codec);
	ck_assert_ptr_nonnull(error);
	return error;
}
