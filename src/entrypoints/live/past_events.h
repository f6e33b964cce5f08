/*
 * Searches the stream of events backwards, from the newest event or from a given one.
 *
 * A search reads the stream in pieces, and only one search runs at a time, so that none delays messages.  It
 * ends when it has found enough events, or has read PAST_SEARCHED_MAX; the next search can continue there.
 */
#ifndef ALLOCD_ENTRYPOINTS_LIVE_PAST_EVENTS_H
#define ALLOCD_ENTRYPOINTS_LIVE_PAST_EVENTS_H

#include "bus/ports/clock.h"
#include "entrypoints/live/live_text.h"

#define PAST_FOUND_MAX    200
#define PAST_SEARCHED_MAX 5000

#define PAST_WAITING_MAX 32 /* searches in the queue, also those whose clients have left */

#define PAST_IDLE_MS 10000 /* after this time without a search the port is closed */
#define PAST_READ_MS 4000  /* a read without an answer for this time is given up */

struct past_search {
	struct live_filter filter; /* copied */
	struct stream_id before;   /* only events with lower ids; STREAM_ID_MAX: all */
	size_t limit;              /* PAST_FOUND_MAX at most */
};

struct past_page {
	const char *json; /* an array, the newest first */
	size_t searched;
	struct stream_id last; /* the oldest one that was read */
	bool has_more;         /* there may be older ones */
};

/* `error`: one line, or NULL; then there is no page.  Arguments are valid during the call only. */
typedef void past_done(void *context, const struct past_page *page, const char *error);

struct past_events;

/* Nothing else may use the port.  Port, clock and codec must outlive the searches. */
struct past_events *past_events_new(struct clock *clock, struct event_peek *events, struct codec *codec,
				    live_to_json *to_json);

/* Ends all searches without calling back.  Accepts NULL in *past and nulls it. */
void past_events_free(struct past_events **past);

/* Calls back exactly once, never before it returns.  False, and no callback: too many searches wait. */
bool past_events_search(struct past_events *past, const struct past_search *search, past_done *done,
			void *context);

#endif
