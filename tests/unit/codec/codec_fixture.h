/* A codec and an arena for each test; decoding that must succeed, and decoding that must fail. */
#ifndef ALLOCD_TESTS_CODEC_FIXTURE_H
#define ALLOCD_TESTS_CODEC_FIXTURE_H

#include "adapters/codec/codec.h"

#include <time.h>

/* The bytes of a literal, which may contain NUL: as an initializer, and as an expression. */
#define LITERAL(literal)                                                                                     \
	{                                                                                                    \
		literal, sizeof(literal) - 1                                                                 \
	}
#define BYTES(literal) ((struct bytes)LITERAL(literal))

extern struct arena *arena;

/* The checked fixture. */
void codec_set_up(void);
void codec_tear_down(void);

struct bytes bytes_of(const char *text);
struct bytes bytes_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* `count` times `text`. */
const char *repeated(const char *text, size_t count);

/* Decodes the payload; fails the test when it is invalid. */
struct envelope accepted(enum message_type type, struct bytes payload);

/* The processor time of decoding the payload, the least of a few attempts. */
clock_t time_to_read(enum message_type type, struct bytes payload);

/* The error of an invalid payload; fails the test when it is valid. */
const char *refused(enum message_type type, struct bytes payload);

/* The id that was read from an invalid payload, or NULL. */
const char *id_of_refused(enum message_type type, struct bytes payload);

/* The encoded event. */
struct bytes encoded(enum codec_encoding encoding, enum codec_envelope form, const struct envelope *event);

/* The error of an event that cannot be encoded. */
const char *not_encoded(enum codec_envelope form, const struct envelope *event);

#endif
