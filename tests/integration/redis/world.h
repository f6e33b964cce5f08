/*
 * What these tests share: one event loop, one private server, a subscriber and a publisher on it, and what
 * they reported.
 */
#ifndef ALLOCD_TESTS_REDIS_WORLD_H
#define ALLOCD_TESTS_REDIS_WORLD_H

#include "adapters/redis/publisher/redis_publisher.h"
#include "adapters/redis/subscriber/redis_subscriber.h"
#include "core/base/arena.h"
#include "server.h"

#include <check.h>
#include <event2/event.h>

#define COUNT(table) ((int)(sizeof(table) / sizeof(table)[0]))

/* Longer than any awaited condition takes on a slow machine. */
#define PATIENCE_MS 30000

struct told {
	size_t messages, ups, downs;
	enum message_type type; /* of the last message, as are the fields down to `number` */
	char channel[128];
	char payload[65536];
	size_t size, true_size;
	long number;      /* its payload, as a number */
	size_t disorders; /* payloads that were not the number after the one before */
	int64_t down_since;
	struct subscription_gap window; /* of the last `up`; its cause is in `cause` */
	char cause[256], down_cause[256];
	size_t pause_after; /* pause in the callback of that message; 0: never */
	char signals[256];  /* index and payload of each, "0=x " */
};

struct world {
	struct event_base *base;
	struct server server;
	char url[256];
	int silence_max_ms; /* of connections made from now on; 0: as in the program */
	struct redis_settings settings;
	struct redis_subscriber *subscriber;
	struct redis_publisher *publisher;
	struct arena *arena; /* memory that lives until the end of the test */
	int64_t rows;        /* the number of rows that publish_events() published */
	redisContext *control;
	struct told told;
	char log[16384];
	size_t most_memory; /* allocated at any time in run_until */
};

extern struct world world;

/* Makes the loop, and a server that is not started; there are no connections yet. */
void world_setup(void);
void world_teardown(void);

/* Starts the server, with these options. */
void start_server(const char *const *options, size_t count);

/*
 * Sets the URL, as printf formats it: redis://[userinfo]127.0.0.1:port/; starts the subscriber, or the
 * publisher, on it.
 */
__attribute__((format(printf, 1, 2))) void use_url(const char *format, ...);
void subscribe(void);
void subscribe_with_signals(const char *const *signals, size_t count);
void start_publisher(const char *event_stream);

/* Runs the loop until the condition holds; fails the test after PATIENCE_MS. */
#define run_until(condition)                                                                                 \
	do {                                                                                                 \
		int64_t deadline_ = milliseconds() + PATIENCE_MS;                                            \
		while (!(condition)) {                                                                       \
			ck_assert_msg(milliseconds() < deadline_, "in vain: %s", #condition);                \
			run_once();                                                                          \
		}                                                                                            \
	} while (0)

/* Runs one turn of the loop, of 10 ms at most. */
void run_once(void);
void run_for(int64_t duration_ms);
int64_t milliseconds(void);
int64_t calendar_us(void);

/*
 * Runs a command, as hiredis formats it (%s and %b), on the control connection; an error of Redis fails the
 * test.
 */
long long command(const char *format, ...);

/* The number of log lines that contain the text. */
size_t log_lines(const char *text);

bool subscriber_is_up(void);
bool publisher_is_up(void);

/* Calls the broker for one row of partition 0, which follows the row of the previous call. */
void publish_events(struct redis_publisher *publisher, const struct outgoing *events, size_t count,
		    publish_done *done, void *context);

#endif
