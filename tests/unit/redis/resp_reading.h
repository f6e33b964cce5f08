/* A reader of replies, and every reply that it returned, for the tests of resp_reader.h. */
#ifndef ALLOCD_TESTS_REDIS_RESP_READING_H
#define ALLOCD_TESTS_REDIS_RESP_READING_H

#include "adapters/redis/protocol/resp_reader.h"

#define BULK_MAX 8

extern struct arena *arena;
extern struct resp_reader reader;
extern char replies[16384]; /* every reply, as text, one a line */
extern enum resp_progress progress;

/* A new reader: one that keeps BULK_MAX bytes of a bulk string, or bulk_max. */
void begin_reading(void);
void begin_reading_with(size_t bulk_max);
void end_reading(void);

/* Reads as a connection does, until all bytes are used and no further reply is complete. */
void feed(const char *data, size_t size);
void feed_text(const char *text);

#endif
