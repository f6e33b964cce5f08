/* A publisher on a real Redis, what it answered, and what a subscriber and the event stream received. */
#ifndef ALLOCD_TESTS_REDIS_PUBLISHER_WORLD_H
#define ALLOCD_TESTS_REDIS_PUBLISHER_WORLD_H

#include "support/suites.h"
#include "world.h"

#define MIB ((size_t)1024 * 1024)

/*
 * The answers, in order: "a=12/3 ": call a published 3 events, and all up to 12 are published; "A ": it
 * failed, with everything up to failure_position published.
 */
extern char answers[1024];
extern char failure_text[256];
extern enum failure_kind failure_kind;
extern int64_t failure_position;

/* Another program, which subscribes to line_allocated and out_of_stock at first. */
extern redisContext *listener;

/* A publisher without an event stream, and the subscriber. */
void publisher_setup(void);
void publisher_teardown(void);

/* The same publisher with an event stream. */
void use_stream(void);

/* The listener ends; it begins again with these channels, "p:line_allocated p:out_of_stock". */
void hear_nothing(void);
void hear_events(const char *channels);

/*
 * "7=one,two 8= 9=!three" are two events line_allocated in row 7, none in row 8, and one out_of_stock in row
 * 9.  "one,<old" is an event with the predecessor line_deallocated, "?new" one of a type that is not known.
 * Publications live in the world's arena.
 */
struct publication *publication_from(int64_t known, const char *text);

/* Rows of one event each, whose payloads have these sizes. */
struct publication *large_rows(const size_t *sizes, size_t count);

/* Publishes the rows after those up to `known`; the answer is noted under the letter. */
void submit_rows(struct redis_publisher *publisher, const struct publication *publication,
		 const char *letter);
void publish_rows(const char *letter, int64_t known, const char *rows);

/* The same, and waits for the answer. */
const char *publish_now(const char *letter, int64_t known, const char *rows);

/* A callback that notes the answer under the letter that is its context. */
void on_rows_published(void *context, const struct published *published, const struct failure *failure);

/* Whether each of the calls, one letter a call, is answered. */
bool answered(const char *letters);

/* Payloads that the subscriber received, and that the event stream holds: "one two ". */
const char *events_heard(void);
const char *events_kept(void);

long long script_calls(void);
const struct redis_publisher_stats *publisher_stats(void);

#endif
