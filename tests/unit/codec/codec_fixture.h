/* A codec and an arena for each test, and the two things that most tests say about a payload. */
#ifndef ALLOCD_TESTS_CODEC_FIXTURE_H
#define ALLOCD_TESTS_CODEC_FIXTURE_H

#include "adapters/codec/codec.h"

#include <time.h>

/* A literal, NULs inside and all: in a table, and elsewhere. */
#define LITERAL(literal)                                                                                     \
	{                                                                                                    \
		literal, sizeof(literal) - 1                                                                 \
	}
#define BYTES(literal) ((struct bytes)LITERAL(literal))

extern struct arena *arena;

/* Fixture, checked. */
void codec_set_up(void);
void codec_tear_down(void);

struct bytes bytes_of(const char *text);
struct bytes bytes_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* `count` times `text`. */
const char *repeated(const char *text, size_t count);

/* What the payload says; fails the test when it is invalid. */
struct envelope accepted(enum message_type type, struct bytes payload);

/* The processor time that it takes to read the payload: the least of a few tries. */
clock_t time_to_read(enum message_type type, struct bytes payload);

/* Why the payload is invalid; fails the test when it is not. */
const char *refused(enum message_type type, struct bytes payload);

/* The id that could still be read of an invalid payload, or NULL. */
const char *id_of_refused(enum message_type type, struct bytes payload);

/* What an event looks like on the wire. */
struct bytes encoded(enum codec_encoding encoding, enum codec_envelope form, const struct envelope *event);

/* Why it cannot be written. */
const char *not_encoded(enum codec_envelope form, const struct envelope *event);

#endif
