/*
 * The streams that commands come by, in the order of the setting.
 *
 * The names of a range, such as commands[0-7], divide the SKUs: a SKU has one of them by its CRC-32, and
 * every publisher that knows the range computes the same.  A name beside the range divides nothing: what
 * comes by that stream is handled as it comes.
 */
#ifndef ALLOCD_BUS_BASE_STREAM_LIST_H
#define ALLOCD_BUS_BASE_STREAM_LIST_H

#include "core/base/arena.h"

#include <stdbool.h>
#include <stddef.h>

#define STREAMS_MAX 32

struct stream_list {
	const char *names[STREAMS_MAX];
	size_t count;
	size_t range_first, range_count; /* the names of the range; a count of 0: there is no range */
	size_t grows_from; /* the count under which journeys begin while the range grows; or 0 */
	const char *text;  /* as it was set: commands[0-7] */
};

/* Parses a list such as "plain,commands[0-7]", to which the result refers; false: it is malformed. */
bool stream_list_parse(const char *text, struct stream_list *list, struct arena *arena);

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

/*
 * Whether the second list differs by a longer range only, or by names beside it, too: all names of the first
 * one are in it, and those of the range have the same numbers.
 */
bool stream_list_grows(const struct stream_list *from, const struct stream_list *to);

/* A stream of the range; its names have the prefix. */
struct stream_route {
	const struct stream_list *list;
	size_t place;
};

bool stream_list_has_in_range(const struct stream_list *list, size_t place);

/*
 * The journey of a message over the streams of the range: first the stream that it was added to, then the
 * others in their order.  So the journey over a shorter range is the beginning of that over a longer one, and
 * of two messages that began on one stream neither overtakes the other.  The length is fixed when it begins.
 */
struct stream_journey {
	size_t first;   /* the place where it began */
	size_t length;  /* the streams of the range that it visits */
	size_t visited; /* the streams that it has left */
};

struct stream_journey stream_journey_begin(const struct stream_route *route);

/* Returns the place of the next stream; behind the last one that is the first one. */
size_t stream_journey_next(const struct stream_list *list, const struct stream_journey *journey);

/* Whether it has left the stream of that place. */
bool stream_journey_has_left(const struct stream_list *list, const struct stream_journey *journey,
			     size_t place);

/* The place of the stream for commands of that SKU, as the journey divides the SKUs. */
size_t stream_journey_place(const struct stream_list *list, const struct stream_journey *journey,
			    const char *sku);

#endif
