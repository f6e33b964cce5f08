/* A hub, a stream of events in memory, and viewers whose lines keep what they are sent. */
#ifndef ALLOCD_TESTS_ENTRYPOINTS_LIVE_WORLD_H
#define ALLOCD_TESTS_ENTRYPOINTS_LIVE_WORLD_H

#include "http/http_world.h"

#include "entrypoints/live/live_hub.h"

/* What one viewer has received. */
struct seen {
	struct live_line line;
	char *text; /* all of it */
	size_t size;
	size_t unsent; /* what the viewer is said not to have read */
	bool is_gone, is_ended, was_cut;
};

extern struct live_hub *live;

void set_up_live(void);
void tear_down_live(void);

/* Adds events of that SKU to the stream: their orders are numbered through. */
void stream_add(const char *sku, int count);

/* Deletes the stream: what is added next begins with the first id again, or that much later. */
void stream_forget(uint64_t later_ms);

/* The reads of the stream from now on are refused with this error; NULL: they are answered. */
void stream_refuse(const char *error);

/* Whether reads that begin from now on get no answer. */
void stream_is_silent(bool is_silent);

/* Whether the stream's Redis knows how many entries were ever added. */
void stream_counts(bool is_counting);
bool stream_is_open(void);
struct event_peek *stream_port(void);
int stream_reads(void);

/* A new viewer, freed at the end of the test. */
struct seen *watch(const struct live_request *request);

void live_run_ms(int64_t ms);

/* How often the text occurs in what the viewer was sent. */
int times_seen(const struct seen *seen, const char *text);

/* The id of the last event that was sent, in the arena of the world. */
const char *last_id_seen(const struct seen *seen);

/* Forgets what the viewer was sent. */
void forget_seen(struct seen *seen);

#endif
