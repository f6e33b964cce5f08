/* What is counted of HTTP requests: by route, by the status of the reply, and how long the reply took. */
#ifndef ALLOCD_ENTRYPOINTS_METRICS_HTTP_STATISTICS_H
#define ALLOCD_ENTRYPOINTS_METRICS_HTTP_STATISTICS_H

#include "bus/statistics/histogram.h"

/* Every status that a reply may have, with its reason phrase. */
#define HTTP_STATUS_LIST(_)                                                                                  \
	_(200, "OK")                                                                                         \
	_(201, "Created")                                                                                    \
	_(202, "Accepted")                                                                                   \
	_(304, "Not Modified")                                                                               \
	_(400, "Bad Request")                                                                                \
	_(401, "Unauthorized")                                                                               \
	_(403, "Forbidden")                                                                                  \
	_(404, "Not Found")                                                                                  \
	_(405, "Method Not Allowed")                                                                         \
	_(409, "Conflict")                                                                                   \
	_(413, "Content Too Large")                                                                          \
	_(415, "Unsupported Media Type")                                                                     \
	_(417, "Expectation Failed")                                                                         \
	_(421, "Misdirected Request")                                                                        \
	_(422, "Unprocessable Content")                                                                      \
	_(429, "Too Many Requests")                                                                          \
	_(431, "Request Header Fields Too Large")                                                            \
	_(500, "Internal Server Error")                                                                      \
	_(501, "Not Implemented")                                                                            \
	_(503, "Service Unavailable")                                                                        \
	_(505, "HTTP Version Not Supported")

#define HTTP_STATUS_NAME(status, title) HTTP_STATUS_##status,

enum { HTTP_STATUS_LIST(HTTP_STATUS_NAME) HTTP_STATUSES };

#define HTTP_ROUTES_MAX 48

struct http_status {
	int status;
	const char *title; /* the reason phrase */
};

extern const struct http_status http_statuses[HTTP_STATUSES];

struct http_route_statistics {
	const char *route; /* the path, with the names in it as "{sku}" */
	uint64_t by_status[HTTP_STATUSES];
	struct histogram duration; /* microseconds from the request to its reply */
};

/* All zero: no routes. */
struct http_statistics {
	struct http_route_statistics routes[HTTP_ROUTES_MAX];
	size_t count;
};

/* Adds a route, whose text must outlive the statistics. */
struct http_route_statistics *http_statistics_add(struct http_statistics *statistics, const char *route);

/* A request of this route got a reply.  A status that is not in the list counts as 500. */
void http_statistics_replied(struct http_route_statistics *route, int status, int64_t duration_us);

#endif
