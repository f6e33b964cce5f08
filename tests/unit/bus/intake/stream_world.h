/*
 * A worker that reads a stream, in the world of the test that runs (see bus_world.h).  The stream outlives
 * the worker.
 */
#ifndef ALLOCD_TESTS_STREAM_WORLD_H
#define ALLOCD_TESTS_STREAM_WORLD_H

#include "support/bus_world.h"

#include "adapters/memory/ports/checkpoints.h"
#include "adapters/memory/ports/stream.h"
#include "bus/intake/stream_reader.h"

#define GROUP        "allocd"
#define HOUR_MS      ((int64_t)60 * 60 * 1000)
#define RETENTION_MS HOUR_MS

extern struct memory_stream *stream;

/* The worker's reader and its ports; NULL while no worker runs. */
extern const char *consumer_name; /* "worker" at first */
extern struct memory_consumer *consumer;
extern struct memory_checkpoints *checkpoints;
extern struct stream_reader *reader;

/* Adds the stream to the existing world; frees the stream and the world. */
void set_up_stream(void);
void tear_down_stream_world(void);

/*
 * Creates a batch of LAMP without stock, so that each allocate raises an event of its own; afterwards no
 * worker runs, or one that reads the stream.
 */
void set_up_sold_out(void);
void set_up_reading(void);

/* Makes the reader of a started worker, which the engine pauses and resumes; makes and begins it. */
void prepare_reader(void);
void begin_reader(void);

/* Start, or crash, worker and reader. */
void start_reading(void);
void crash_reading(void);

/* Adds an allocate of one LAMP; the fields of its entry have whole_size bytes in all. */
struct stream_id add_order_at(const char *orderid, struct stream_id id, size_t whole_size);
struct stream_id add_order(const char *orderid);

/* The entry of add_order(), to be added later. */
struct stream_entry order_entry(const char *orderid);

/* The same as add_order(), with a message id in the entry unless `id` is NULL. */
struct stream_id add_order_with_id(const char *orderid, const char *id);

/* Adds `count` orders: "many-0" and so on. */
void add_orders(int count);

/* Has a consumer of that name read all new entries and crash, so that they stay pending. */
void read_and_crash(const char *name);

/* Callbacks for calls of a stream's port that must succeed. */
void expect_read(void *context, const struct stream_entry *entries, size_t count,
		 const struct failure *failure);
void expect_no_failure(void *context, const struct failure *failure);

const struct stream_reader_stats *reader_stats(void);
size_t pending_count(void);         /* of the group */
size_t acknowledge_calls(void);     /* of the worker's consumer, so far */
int64_t stream_incarnation(void);   /* as the database knows it */
void expect_all_acknowledged(void); /* no entry is pending or in flight, and the reader is idle */

/* The orders of all events in their order, where each order is out of stock or allocated once. */
const char *handled_orders(void);

size_t lines_logged(const char *text);

/* The trouble that the reader reports about its stream; "" without trouble. */
struct engine_trouble stream_trouble(void);

/* Asserts that everything was read and acknowledged, and that the reader has no trouble. */
void expect_stream_is_done(void);

#endif
