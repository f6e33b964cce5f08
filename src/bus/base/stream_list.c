/* Finds the stream of a SKU, and checks changes of the list. */
#include "bus/base/stream_list.h"

#include "core/base/crc32.h"

#include <string.h>

/* The number by whose remainder a SKU's stream is found. */
static size_t divisor(const struct stream_list *list)
{
	return list->range_count ? list->range_count : list->count;
}

static size_t place_of_hash(const struct stream_list *list, size_t hash)
{
	return list->range_first + hash % divisor(list);
}

size_t stream_list_place(const struct stream_list *list, const char *sku)
{
	return place_of_hash(list, crc32_of(sku));
}

bool stream_list_has(const struct stream_list *list, const char *name)
{
	size_t i = 0;

	while (i < list->count && strcmp(list->names[i], name) != 0)
		i++;
	return i < list->count;
}

/* Before there was a range, the commands of a SKU came by any stream of the list. */
static bool keeps_order(const struct stream_list *from, const struct stream_list *to, size_t hash)
{
	const char *name = to->names[place_of_hash(to, hash)];

	return !stream_list_has(from, name) ||
	       (from->range_count && strcmp(name, from->names[place_of_hash(from, hash)]) == 0);
}

bool stream_list_may_become(const struct stream_list *from, const struct stream_list *to)
{
	if (!from->count || !to->count || (!from->range_count && !to->range_count))
		return true;
	/* These hashes have all pairs of remainders that there are. */
	for (size_t hash = 0; hash < divisor(from) * divisor(to); hash++) {
		if (!keeps_order(from, to, hash))
			return false;
	}
	return true;
}

bool stream_list_grows(const struct stream_list *from, const struct stream_list *to)
{
	if (!from->range_count || to->range_count <= from->range_count)
		return false;
	for (size_t i = 0; i < from->range_count; i++) {
		if (strcmp(from->names[from->range_first + i], to->names[to->range_first + i]) != 0)
			return false;
	}
	for (size_t i = 0; i < from->count; i++) {
		if (!stream_list_has(to, from->names[i]))
			return false;
	}
	return true;
}

/* ---- journeys ---- */

bool stream_list_has_in_range(const struct stream_list *list, size_t place)
{
	return place >= list->range_first && place < list->range_first + list->range_count;
}

struct stream_journey stream_journey_begin(const struct stream_route *route)
{
	const struct stream_list *list = route->list;

	return (struct stream_journey){
		.first = route->place,
		.length = list->grows_from && route->place < list->range_first + list->grows_from
				  ? list->grows_from
				  : list->range_count,
	};
}

static size_t place_of_stop(const struct stream_list *list, const struct stream_journey *journey, size_t stop)
{
	size_t first = journey->first - list->range_first;

	if (!stop)
		return journey->first;
	return list->range_first + (stop <= first ? stop - 1 : stop);
}

size_t stream_journey_next(const struct stream_list *list, const struct stream_journey *journey)
{
	return place_of_stop(list, journey, (journey->visited + 1) % journey->length);
}

bool stream_journey_has_left(const struct stream_list *list, const struct stream_journey *journey,
			     size_t place)
{
	size_t stop = 0;

	while (stop < journey->visited && place_of_stop(list, journey, stop) != place)
		stop++;
	return stop < journey->visited;
}

size_t stream_journey_place(const struct stream_list *list, const struct stream_journey *journey,
			    const char *sku)
{
	return list->range_first + crc32_of(sku) % journey->length;
}
