/*
 * Workers that read the same streams and hear the same channels under leases, on one database, one broker
 * (see bus_world.h) and one server of pub/sub.
 */
#ifndef ALLOCD_TESTS_REPLICAS_H
#define ALLOCD_TESTS_REPLICAS_H

#include "support/bus_world.h"

#include "adapters/memory/ports/checkpoints.h"
#include "adapters/memory/ports/leases.h"
#include "adapters/memory/ports/stream.h"
#include "bus/intake/admission.h"
#include "bus/intake/leased_stream.h"
#include "support/pubsub_server.h"

#define REPLICAS    3
#define STREAMS     3
#define STREAMS_ALL 4 /* with one that only a range that grows has */

struct replica_stream {
	struct memory_consumer *consumer;
	struct stream_reader *reader;
	struct stream_route route;
	struct leased_stream leased;
};

struct replica {
	struct world *world;
	struct memory_checkpoints *checkpoints;
	struct memory_leases *leases;
	struct lease_keeper *keeper; /* NULL: it does not run */
	struct replica_stream streams[STREAMS_ALL];
	struct stream_list list; /* a copy of shared_list as it was at the start */
	struct admission admission;
	struct leased_subscription *subscription; /* NULL: it does not listen */
	struct pubsub_client client;
	int process; /* counts its starts */
	bool is_frozen, is_stopping;
	int64_t disturbed_ms;   /* when something befell it last, besides these */
	bool listens;           /* to pub/sub, from the next start on */
	const char *also_knows; /* a message of a newer program, or NULL */
};

extern struct replica replicas[REPLICAS];
extern struct memory_stream *shared_streams[STREAMS_ALL];
extern struct pubsub_server shared_pubsub;

/* Without a worker yet; `world` is that of the first one. */
void set_up_replicas(void);
void tear_down_replicas(void);

/* Another seed for what the workers draw themselves that start from now on. */
void seed_replicas(uint64_t seed);

/* Of the workers that start from now on, the first streams divide the SKUs, as those of a range do. */
#define RANGE 2
extern struct stream_list shared_list;
void divide_skus(void);

/* The list of the workers that start from now on, which follow what the database says about the streams. */
void set_list(const char *text);

/* The name of one of the first streams. */
const char *stream_name(int stream);

/* A SKU of that stream; the stream of a SKU, or of that name; and whether it is one of those. */
const char *sku_on(int stream);
int stream_of_sku(const char *sku);
int stream_named(const char *name, size_t length);
bool is_divided(int stream);

/*
 * Starts a worker that reads the first `streams` streams; it has the same name at every start.  Its world may
 * be prepared before.
 */
void start_replica(int number, int streams);

/* As by kill -9; it may be started again. */
void kill_replica(int number);

/* Like SIGSTOP: nothing leaves or reaches it; or only nothing to and from one of its servers.  SIGCONT. */
void freeze_replica(int number);
void cut_database_of_replica(int number);
void cut_redis_of_replica(int number);
void thaw_replica(int number);

bool is_reading(int number, int stream);

/* Whether it handles what is published. */
bool is_handling(int number);

/* Passes time until it reads that stream; returns how long it took. */
int64_t ms_until_reading(int number, int stream);

/* Adds an allocate of one LAMP, or of another SKU. */
void add_order_to(int stream, const char *orderid);
void add_order_of(int stream, const char *orderid, const char *sku);

/* Adds an entry of that type, which this program does not know. */
void add_unknown_to(int stream, const char *type);

/* Makes a SKU without stock, so that each handling of an allocate raises an event of its own. */
void make_sku(const char *sku);

/* Adds an entry of that type, whose payload is formatted as by printf, with an id unless it is NULL. */
__attribute__((format(printf, 4, 5))) void add_entry(int stream, enum message_type type, const char *id,
						     const char *format, ...);

/* The orders of all events of the SKU, in their order, with a space behind each. */
const char *orders_of(const char *sku);

/* What identifies the worker's connections for the stream. */
const char *stream_connections(int number, int stream);

/* Whether every entry of the stream was read and is acknowledged; and asserts it. */
bool is_acknowledged(int stream);
void expect_acknowledged(int stream);

#endif
