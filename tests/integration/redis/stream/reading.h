/*
 * One reader of the stream "p:commands" of the private server, in its group "g": each operation and its
 * answer.
 */
#ifndef ALLOCD_TESTS_REDIS_READING_H
#define ALLOCD_TESTS_REDIS_READING_H

#include "adapters/redis/stream/redis_stream.h"
#include "world.h"

#define DEFECT_SHOWN 160

/* An entry as the callback received it; it outlives the call. */
struct told_entry {
	struct stream_id id;
	bool gone;
	enum message_type type;
	char defect[DEFECT_SHOWN];
	char message_id[1024]; /* empty: none */
	char traceparent[64];
	char origin[64];  /* the same */
	char payload[16]; /* its beginning */
	size_t kept, true_size;
};

/* The answer to one operation. */
struct answer {
	size_t came; /* the number of callbacks */
	bool failed;
	enum failure_kind kind;
	char text[REDIS_TROUBLE_MAX];
};

struct reading {
	struct redis_stream *stream;
	struct answer look, create_group, move_group, mark_life, claim, read_pending, read_new, unblock,
		acknowledge, forward, trim;
	struct stream_state state;
	struct stream_claim claimed;
	struct told_entry entries[STREAM_READ_MAX]; /* of the last read */
	size_t count;
};

extern struct reading reading;

/* Starts the private server and a reader "me" of it; tear_down_reading() ends both. */
void set_up_reading(const char *const *options, size_t count);
void tear_down_reading(void);

void start_reading(const char *consumer, int64_t claim_idle_ms);
void stop_reading(void);
bool stream_is_up(void);

/* Begins the operation; its callback must not be called before this returns. */
void begin_look(void);
void begin_create_group(const char *after);
void begin_move_group(const char *after);
void begin_mark_life(const char *life);
void begin_claim(void);
void begin_read_pending(const char *after);
void begin_read_new(void);
void begin_read_what_is_there(void);
void begin_unblock(void);
void begin_acknowledge(const struct stream_id *ids, size_t count);
void begin_forward(const struct forwarded_entry *entry);
void begin_trim(const char *lowest);

/* Waits for the answer, which must be a success. */
void expect_good(struct answer *answer);

/* Waits for the answer, which must be a failure of that kind. */
void expect_failure(struct answer *answer, enum failure_kind kind, const char *text);

/* Begins an operation and waits for its success: DO(look, ()). */
#define DO(operation, arguments)                                                                             \
	do {                                                                                                 \
		begin_##operation arguments;                                                                 \
		expect_good(&reading.operation);                                                             \
	} while (0)

void assert_id(struct stream_id id, const char *expected);

/* Adds the entries first-1 to last-1, whose data is the number. */
void add_numbers(long first, long last);

/*
 * Asserts that the last read returned the entries first-1 to last-1, in order, each with its number as
 * payload.
 */
void assert_read(long first, long last);

/* Acknowledges the entries first-1 to last-1. */
void acknowledge_numbers(long first, long last);

#endif
