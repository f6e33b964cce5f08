/*
 * Sends what happens to all viewers: the status once a second, events as they go out, the number of dead
 * letters when it has changed, and jobs as they proceed.
 *
 * However many viewers there are, the status is rendered once, and events are read once, into one ring, and
 * only while a viewer wants them.  What costs the worker something has a bound: LIVE_READ_PER_S events are
 * read, and LIVE_SEND_PER_S sent to each viewer, the newest; each gap between them is reported with its size.
 */
#ifndef ALLOCD_ENTRYPOINTS_LIVE_LIVE_HUB_H
#define ALLOCD_ENTRYPOINTS_LIVE_LIVE_HUB_H

#include "bus/ports/clock.h"
#include "entrypoints/live/live_text.h"
#include "entrypoints/status/sampler.h"

#define LIVE_VIEWERS_MAX 32
#define LIVE_TICK_MS     250
#define LIVE_READ_PER_S  1000
#define LIVE_SEND_PER_S  50
#define LIVE_COMMENT_MS  15000

/* A viewer who has more than this still to receive is dropped. */
#define LIVE_UNSENT_MAX ((size_t)256 * 1024)

/* A read without an answer is given up after this time, which is more than a silent Redis is given. */
#define LIVE_READ_MS 12000

/* After a refusal the events are read again in this time. */
#define LIVE_REFUSED_MS 10000

/* Thousandths of events that may be read or sent after that time; a second's worth at most. */
static inline int64_t live_refilled(int64_t tokens, int64_t elapsed_ms, int64_t per_s)
{
	tokens += elapsed_ms * per_s;
	return tokens < per_s * 1000 ? tokens : per_s * 1000;
}

/* The connection to a viewer. */
struct live_line {
	const struct live_line_ops *ops;
};

struct live_line_ops {
	void (*send)(struct live_line *line, const char *text, size_t size);

	/* The bytes that the viewer has not received yet. */
	size_t (*unsent)(struct live_line *line);
	bool (*is_gone)(struct live_line *line);

	/* Ends the reply, or with `at_once` the connection, and frees the line. */
	void (*end)(struct live_line *line, bool at_once);
};

/* What viewers can ask for. */
enum live_topic {
	LIVE_STATUS = 1 << 0,
	LIVE_EVENTS = 1 << 1,
	LIVE_DEAD_LETTERS = 1 << 2, /* how many there are */
	LIVE_JOBS = 1 << 3,
};

/* What a viewer asks for; all of it is copied. */
struct live_request {
	unsigned topics;      /* enum live_topic */
	const char *withheld; /* why there will be no events; NULL: they may be seen */
	struct live_filter filter;
	const char *last_id; /* of what was received before; NULL: nothing was */
};

struct live_config {
	struct clock *clock;
	struct sampler *sampler;
	struct codec *codec;
	live_to_json *to_json;
	struct event_peek *events; /* NULL: there is no stream of events */
};

struct live_statistics {
	size_t viewers;
	uint64_t dropped; /* viewers who did not read */
};

struct live_hub;
struct job_table;

/* All that the configuration points to outlives the hub. */
struct live_hub *live_hub_new(const struct live_config *config);

/* Ends every viewer's connection at once.  Accepts NULL in *hub and nulls it. */
void live_hub_free(struct live_hub **hub);

/* Takes the line, and sends the first of what was asked for. */
void live_hub_add(struct live_hub *hub, struct live_line *line, const struct live_request *request);

/* Viewers of LIVE_JOBS see these from now on, as long as the hub is not stopped. */
void live_hub_show_jobs(struct live_hub *hub, const struct job_table *jobs);

/* Ends every viewer's reply; a viewer who has not received all is cut off. */
void live_hub_stop(struct live_hub *hub);

/* Counts viewers who are still there. */
const struct live_statistics *live_hub_statistics(struct live_hub *hub);

#endif
