/*
 * Searches the events that went out, from one of them backwards.
 *
 * A search reads the stream of events in pieces, one search after the other, so that none delays messages; it
 * ends when it has found enough, or has looked at PAST_SEARCHED_MAX events.  The next search can begin there.
 */
#ifndef ALLOCD_ENTRYPOINTS_LIVE_PAST_EVENTS_H
#define ALLOCD_ENTRYPOINTS_LIVE_PAST_EVENTS_H

#include "bus/ports/clock.h"
#include "entrypoints/live/live_text.h"

#define PAST_FOUND_MAX    200
#define PAST_SEARCHED_MAX 5000

/* What a search needs of the port is given up after this time without one, or without an answer to a read. */
#define PAST_IDLE_MS 10000
#define PAST_READ_MS 4000

struct past_search {
	struct live_filter filter; /* copied */
	struct stream_id before;   /* only events with lower ids; STREAM_ID_MAX: all */
	size_t limit;              /* PAST_FOUND_MAX at most */
};

struct past_page {
	const char *json; /* an array, the newest first */
	size_t searched;
	struct stream_id last; /* the oldest one that was looked at */
	bool has_more;         /* there are perhaps older ones */
};

/* `error`: one line, or NULL; then there is no page.  Arguments are valid during the call only. */
typedef void past_done(void *context, const struct past_page *page, const char *error);

struct past_events;

/* The port is used by nothing else, and outlives the searches, as the clock and the codec do. */
struct past_events *past_events_new(struct clock *clock, struct event_peek *events, struct codec *codec,
				    live_to_json *to_json);

/* Gives up what runs, and calls nothing back.  Accepts NULL in *past and nulls it. */
void past_events_free(struct past_events **past);

/* Calls back exactly once, never before it returns. */
void past_events_search(struct past_events *past, const struct past_search *search, past_done *done,
			void *context);

#endif
