/* GET /admin/live: what happens, as server-sent events; and GET /admin/events: what happened before. */
#ifndef ALLOCD_ENTRYPOINTS_LIVE_SERVE_LIVE_H
#define ALLOCD_ENTRYPOINTS_LIVE_SERVE_LIVE_H

#include "entrypoints/live/live_ring.h"

struct http_call;
struct http_api;

void serve_live(struct http_api *api, const struct http_call *call);
void serve_past_events(struct http_api *api, const struct http_call *call);

/* Reads the filter from the query, in `arena`.  NULL, or what is wrong with it. */
const char *live_filter_read(const struct http_call *call, struct arena *arena, struct live_filter *filter);

#endif
