/*
 * The streams that commands come by, in the order of the setting.
 *
 * The names of a range, such as commands[0-7], divide the SKUs: a SKU has one of them by its CRC-32, and
 * every publisher that knows the range computes the same.  A name beside the range divides nothing: what
 * comes by that stream is handled as it comes.
 */
#ifndef ALLOCD_BUS_BASE_STREAM_LIST_H
#define ALLOCD_BUS_BASE_STREAM_LIST_H

#include <stdbool.h>
#include <stddef.h>

#define STREAMS_MAX 32

struct stream_list {
	const char *names[STREAMS_MAX];
	size_t count;
	size_t range_first, range_count; /* the names of the range; a count of 0: there is no range */
	const char *text;                /* as it was set: commands[0-7] */
};

/*
 * The number of the stream for commands of that SKU: one of the range if there is one, else one of all.  The
 * list is not empty.
 */
size_t stream_list_place(const struct stream_list *list, const char *sku);

bool stream_list_has(const struct stream_list *list, const char *name);

/*
 * Whether publishers may go over from one list to the other while the streams of the first one are read, and
 * no SKU is reordered: each SKU keeps its stream, or gets one that is not read yet.
 */
bool stream_list_may_become(const struct stream_list *from, const struct stream_list *to);

/* A stream of the range; its names have the prefix. */
struct stream_route {
	const struct stream_list *list;
	size_t place;
};

bool stream_list_has_in_range(const struct stream_list *list, size_t place);

/* Returns the place of the next stream of the range, or the first one behind the last. */
size_t stream_route_next(const struct stream_route *route);

#endif
