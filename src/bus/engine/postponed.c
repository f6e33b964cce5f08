/* A list of marks, found by the hash of their SKU. */
#include "bus/engine/postponed.h"

#include "core/base/hash.h"
#include "core/base/must.h"

#include <stdlib.h>
#include <string.h>

static size_t bucket_of(const char *sku)
{
	return (size_t)hash_text(sku) % POSTPONED_BUCKETS;
}

static struct postponed *find(const struct postponed_list *list, const char *stream, const char *sku)
{
	struct postponed *it = list->count ? list->buckets[bucket_of(sku)] : NULL;

	while (it && (strcmp(it->sku, sku) || strcmp(it->stream, stream)))
		it = it->next_in_bucket;
	return it;
}

static void remove_mark(struct postponed_list *list, struct postponed **place)
{
	struct postponed *mark = *place, **bucket = &list->buckets[bucket_of(mark->sku)];

	*place = mark->next;
	while (*bucket != mark)
		bucket = &(*bucket)->next_in_bucket;
	*bucket = mark->next_in_bucket;
	list->count--;
	free(mark->sku);
	free(mark->stream);
	free(mark);
}

void postponed_list_free(struct postponed_list *list)
{
	while (list->first)
		remove_mark(list, &list->first);
}

static struct stream_id id_of(const struct delivery *delivery)
{
	struct stream_id id = {0};

	stream_id_parse(delivery->entry_id, &id);
	return id;
}

/*
 * What comes before all that was postponed, and what the pass that goes on brought.  What an earlier pass
 * brought, and what was taken before the mark was set, may come behind what this pass has not brought yet.
 */
static bool admits(const struct postponed *mark, const struct delivery *delivery)
{
	struct stream_id first = mark->is_blocked ? mark->lowest : mark->begin;

	return stream_id_compare(id_of(delivery), first) < 0 ||
	       (!mark->is_blocked && delivery->pass == mark->pass);
}

bool postponed_admits(const struct postponed_list *list, const struct delivery *delivery, const char *sku)
{
	const struct postponed *mark = find(list, delivery->place, sku);

	return !mark || admits(mark, delivery);
}

bool postponed_has(const struct postponed_list *list, const char *stream)
{
	const struct postponed *it = list->first;

	while (it && strcmp(it->stream, stream))
		it = it->next;
	return it;
}

static struct postponed *add_mark(struct postponed_list *list, const char *stream, const char *sku)
{
	struct postponed *mark = must_alloc(sizeof *mark), **bucket = &list->buckets[bucket_of(sku)];

	mark->sku = must(strdup(sku));
	mark->stream = must(strdup(stream));
	mark->lowest = mark->begin = STREAM_ID_MAX;
	mark->is_blocked = true;
	mark->next = list->first;
	list->first = mark;
	mark->next_in_bucket = *bucket;
	*bucket = mark;
	list->count++;
	return mark;
}

static void add_entry(struct postponed *mark, const struct delivery *delivery)
{
	struct stream_id id = id_of(delivery);

	/* Else the pass that goes on brings it. */
	mark->is_blocked = mark->is_blocked || !delivery->pass_follows || delivery->was_taken;
	if (stream_id_compare(id, mark->lowest) < 0)
		mark->lowest = id;
}

bool postponed_add(struct postponed_list *list, const struct delivery *delivery, const char *sku)
{
	struct postponed *mark = find(list, delivery->place, sku);
	bool is_first = !mark && !postponed_has(list, delivery->place);

	if (!mark)
		mark = add_mark(list, delivery->place, sku);
	mark->has_creation = mark->has_creation || delivery->creates_batch;
	add_entry(mark, delivery);
	return is_first;
}

bool postponed_add_unknown(struct postponed_list *list, const struct delivery *delivery)
{
	for (struct postponed *it = list->first; it; it = it->next) {
		if (it->has_creation && !strcmp(it->stream, delivery->place) && !admits(it, delivery)) {
			add_entry(it, delivery);
			return true;
		}
	}
	return false;
}

uint64_t postponed_begin_pass(struct postponed_list *list, const char *stream, struct stream_id after)
{
	list->passes++;
	for (struct postponed *it = list->first; it; it = it->next) {
		if (strcmp(it->stream, stream) || stream_id_compare(it->lowest, after) <= 0)
			continue;
		if (it->is_blocked || stream_id_compare(it->lowest, it->begin) < 0)
			it->begin = it->lowest;
		it->pass = list->passes;
		it->is_blocked = false;
		it->lowest = STREAM_ID_MAX;
	}
	return list->passes;
}

bool postponed_end_pass(struct postponed_list *list, const char *stream)
{
	struct postponed **place = &list->first;
	bool had_some = postponed_has(list, stream);

	while (*place) {
		if (!strcmp((*place)->stream, stream) && !(*place)->is_blocked)
			remove_mark(list, place);
		else
			place = &(*place)->next;
	}
	return had_some && !postponed_has(list, stream);
}
