/*
 * Shared by a stream (stream.c) and its consumers, whose calls reach it (stream_consumer.c).  Only these two
 * files include this header.
 */
#ifndef ALLOCD_ADAPTERS_MEMORY_PORTS_STREAM_INTERNAL_H
#define ALLOCD_ADAPTERS_MEMORY_PORTS_STREAM_INTERNAL_H

#include "adapters/memory/ports/stream.h"
#include "core/base/arena.h"

#define NO_GROUP "NOGROUP No such key or consumer group"

#define STREAM_CONNECTIONS_MAX 64

struct kept_entry {
	struct kept_entry *next;
	struct stream_entry entry; /* gone: trimmed or deleted */
};

struct group_entry {
	struct group_entry *next;
	struct kept_entry *kept;
	const char *consumer;
	int64_t delivered_at_ms;
};

struct group {
	struct group *next;
	const char *name;
	struct stream_id delivered;  /* every entry up to this id was delivered */
	struct group_entry *pending; /* in the order of the ids */
	size_t pending_count;
	const char **consumers; /* their names */
	size_t consumer_count;
};

/* The arena is cleared only when the stream is freed: a call under way may refer to any entry. */
struct memory_stream {
	struct simulation *simulation;
	struct arena *arena;
	struct stream_id last_generated; /* 0-0: there is no stream */
	int64_t ahead_ms;                /* of simulated time is the server's clock */
	struct kept_entry *first, **end;
	struct group *groups;
	struct memory_consumer *consumers;
	bool down;
	bool counts_nothing; /* as Redis before version 7 */
	char lives[STREAM_LIVES_MAX];
};

/* One call, from its beginning to its answer. */
struct consumer_call {
	struct memory_consumer *consumer;
	enum consumer_call_kind kind;
	bool is_under_way;
	enum stream_injection injected;
	bool failed;
	struct failure failure;
	struct task *timeout; /* set while a read waits for new entries */

	/* The request. */
	struct stream_id id;
	struct stream_id *ids;
	size_t id_count;
	int64_t idle_ms;
	char connections[STREAM_CONNECTIONS_MAX]; /* of another consumer */
	int connected; /* which of its connections the consumer had when the call began */
	size_t max;
	bool may_wait;
	char life[STREAM_LIFE_MAX];
	struct memory_stream *target;
	struct stream_entry forwarded;

	/* The answer. */
	struct stream_state state;
	struct stream_claim claim;
	struct stream_entry *entries; /* room for `max`, of a read */
	size_t entry_count;

	union {
		stream_done *done;
		stream_looked *looked;
		stream_claimed *claimed;
		stream_was_read *was_read;
	} answer;
	void *context;
};

struct memory_consumer {
	struct stream stream;
	struct memory_consumer *next;
	struct memory_stream *home;
	const struct stream_list *list; /* of all streams, or NULL */
	struct memory_stream *const *streams;
	const char *group, *name;
	int connected;                            /* how often it has connected again */
	char connections[STREAM_CONNECTIONS_MAX]; /* the name of those that it has */
	struct cable requests, answers, read_requests, read_answers;
	struct consumer_call calls[STREAM_CALLS];
	enum stream_injection planned[STREAM_CALLS];
	stream_injector *injector;
	void *injector_context;
	size_t arrived[STREAM_CALLS];
};

/* Executes the call at the stream and answers it; a read of new entries may wait for some. */
void stream_carry_out(struct consumer_call *call);

/* Its connections have another name then. */
void consumer_connect_again(struct memory_consumer *consumer);

/* Sends the answer on its way. */
void consumer_answer(struct consumer_call *call);
void consumer_fail(struct consumer_call *call, enum failure_kind kind, const char *text);

#endif
