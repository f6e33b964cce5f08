/*
 * GET: what the database knows, read on a connection of its own.  Each function replies at once, or later
 * through an exchange; the name is that in the path, percent-encoded.
 */
#ifndef ALLOCD_ENTRYPOINTS_HTTP_READS_HTTP_READS_H
#define ALLOCD_ENTRYPOINTS_HTTP_READS_HTTP_READS_H

struct http_call;
struct http_api;

void serve_allocations(struct http_api *api, const struct http_call *call, const char *order);
void serve_product(struct http_api *api, const struct http_call *call, const char *sku);
void serve_batch(struct http_api *api, const struct http_call *call, const char *batchref);
void serve_gaps(struct http_api *api, const struct http_call *call);
void serve_events(struct http_api *api, const struct http_call *call, const char *sku);

#endif
