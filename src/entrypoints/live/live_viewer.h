/* One viewer, and what is chosen of the events for them: used only by the hub. */
#ifndef ALLOCD_ENTRYPOINTS_LIVE_LIVE_VIEWER_H
#define ALLOCD_ENTRYPOINTS_LIVE_LIVE_VIEWER_H

#include "entrypoints/live/live_hub.h"

#include <sys/queue.h>

#define LIVE_NO_ID UINT64_MAX

struct live_viewer {
	TAILQ_ENTRY(live_viewer) entry;
	struct live_line *line;
	struct arena *arena; /* the viewer itself and its filter */
	unsigned topics;     /* enum live_topic */
	struct live_filter filter;
	uint64_t next;           /* the number of the first event that was not considered */
	uint64_t id_sent;        /* the number of the last id that it has; LIVE_NO_ID: none */
	bool is_new;             /* the events before it came are no gap */
	int64_t tokens;          /* thousandths of events that may be sent now */
	int64_t skipped, unread; /* since the last event, or the last note of them, was sent */
	int64_t noted_ms;        /* when the last note was sent */
	int64_t commented_ms;
	bool is_refusal_sent;
};

struct live_viewer *live_viewer_new(struct live_line *line, const struct live_request *request,
				    int64_t now_ms);
void live_viewer_free(struct live_viewer **viewer);

/* Writes those of the ring's events that are due to the viewer. */
void live_viewer_write_events(struct live_viewer *viewer, struct live_ring *ring, int64_t start,
			      const struct live_config *config, int64_t now_ms, FILE *out);

#endif
