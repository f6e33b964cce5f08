/* Counts HTTP requests. */
#include "entrypoints/metrics/http_statistics.h"

#include <assert.h>

#define HTTP_STATUS_ROW(status, title) {status, title},

const struct http_status http_statuses[HTTP_STATUSES] = {HTTP_STATUS_LIST(HTTP_STATUS_ROW)};

struct http_route_statistics *http_statistics_add(struct http_statistics *statistics, const char *route)
{
	assert(statistics->count < HTTP_ROUTES_MAX);
	statistics->routes[statistics->count].route = route;
	return &statistics->routes[statistics->count++];
}

static size_t index_of(int status)
{
	for (size_t i = 0; i < HTTP_STATUSES; i++) {
		if (http_statuses[i].status == status)
			return i;
	}
	return HTTP_STATUS_500;
}

void http_statistics_replied(struct http_route_statistics *route, int status, int64_t duration_us)
{
	route->by_status[index_of(status)]++;
	histogram_add(&route->duration, &histogram_durations, duration_us);
}
