/* Writes server-sent events (WHATWG HTML, section 9.2), each with one line of JSON. */
#ifndef ALLOCD_ENTRYPOINTS_LIVE_LIVE_TEXT_H
#define ALLOCD_ENTRYPOINTS_LIVE_LIVE_TEXT_H

#include "entrypoints/live/live_ring.h"

#include <jansson.h>
#include <stdio.h>

/* Decodes an event's payload, of any encoding, to one line of JSON. */
typedef bool live_to_json(struct bytes payload, struct arena *arena, const char **json, const char **error);

/* Names an event of this worker since its start: START-NUMBER. */
struct live_id {
	int64_t start;
	uint64_t number;
};

/* How long a client waits until it connects again. */
void live_write_retry(FILE *out);

/* A comment, so that proxies and clients see that the connection is alive. */
void live_write_comment(FILE *out);

/* An event of that name with data of one line. */
void live_write(FILE *out, const char *name, const char *data);

/* The event as an object of JSON on one line. */
void live_write_event_json(FILE *out, const struct live_event *event, live_to_json *to_json);
void live_write_event(FILE *out, struct live_id id, const struct live_event *event, live_to_json *to_json);

/* The id up to which all was considered: it dispatches no event, and a client that returns names it. */
void live_write_id(FILE *out, struct live_id id);

/* Between the events before `id` and it: `skipped` would have passed, `unread` may have. */
void live_write_skipped(FILE *out, struct live_id id, int64_t skipped, int64_t unread);

/* The same with a reason as its data. */
void live_write_reason(FILE *out, const char *name, const char *reason);

/* False when the text is no id. */
bool live_id_parse(const char *text, struct live_id *id);

#endif
