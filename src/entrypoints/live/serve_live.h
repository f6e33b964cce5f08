/* GET /admin/live: what happens, as server-sent events. */
#ifndef ALLOCD_ENTRYPOINTS_LIVE_SERVE_LIVE_H
#define ALLOCD_ENTRYPOINTS_LIVE_SERVE_LIVE_H

struct http_call;
struct http_api;

void serve_live(struct http_api *api, const struct http_call *call);

#endif
