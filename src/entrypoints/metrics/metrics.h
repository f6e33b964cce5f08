/*
 * The worker's metrics, in Prometheus' text format.  They are listed in metrics_table.c and, the same, in
 * docs/metrics.md.
 */
#ifndef ALLOCD_ENTRYPOINTS_METRICS_METRICS_H
#define ALLOCD_ENTRYPOINTS_METRICS_METRICS_H

#include "bus/base/stream_list.h"
#include "bus/engine/engine.h"
#include "bus/intake/stream_reader.h"
#include "bus/leases/lease_keeper.h"
#include "bus/ports/logger.h"
#include "bus/statistics/connection_statistics.h"
#include "bus/statistics/event_statistics.h"
#include "bus/subscription/leased_subscription.h"
#include "bus/tracing/tracer.h"
#include "entrypoints/live/live_hub.h"
#include "entrypoints/metrics/http_statistics.h"
#include "entrypoints/troubles/trouble.h"

/* Those of pub/sub and of the streams. */
#define METRIC_LEASES_MAX (1 + STREAMS_MAX)

struct stream_figures {
	const char *name;
	const struct stream_reader_stats *stats;
};

struct metrics {
	const struct engine_stats *engine;
	const struct trouble_list *troubles;
	int64_t now_us; /* by the engine's clock */
	double began;   /* when that clock was at 0, in seconds since 1970 */

	/* NULL before the worker has started. */
	const struct connection_statistics *postgres_connections, *redis_connections;
	const struct logger *log;           /* the one that writes the lines out */
	const uint64_t *log_lines_left_out; /* by level */

	/* Redis. */
	const struct event_statistics *events; /* NULL before the worker has started */
	uint64_t published_unheard;            /* events that Redis accepted and no subscriber received */
	uint64_t published_unfenced;           /* events published while Redis was out of memory */
	uint64_t blind_windows;                /* times that the subscription to commands was lost */
	double blind_seconds;                  /* total time without it, up to now */
	bool is_blind;                         /* the subscription is lost now */
	bool listening, publishing;
	struct subscription_stats subscription;
	size_t subscription_bytes; /* that are kept of what was heard */

	/* The streams that commands come from: together, and each. */
	struct stream_reader_stats streams;
	struct stream_figures each_stream[STREAMS_MAX];
	size_t stream_count;

	/* What only one worker may do at a time. */
	struct lease_report leases[METRIC_LEASES_MAX];
	size_t lease_count;
	uint64_t leases_lost;

	struct trace_statistics spans;

	/* HTTP. */
	size_t http_connections;
	size_t http_waiting; /* requests without a reply so far */
	const struct http_statistics *http;
	struct live_statistics live;

	/* The process. */
	double resident_bytes, peak_resident_bytes, virtual_bytes; /* NaN: unknown, like the next two */
	double open_fds, max_fds;
	double cpu_seconds;
	double started_at; /* seconds since 1970 */
	bool stopping;
};

/* Fills in the memory, the file descriptors and the CPU time of the process. */
void metrics_measure_process(struct metrics *metrics);

/* The text of all metrics, to be freed by free(). */
char *metrics_text(const struct metrics *metrics);

#endif
