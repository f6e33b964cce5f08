/* A sorted list of entries, and a second list through those of them that are handled. */
#include "bus/intake/pending_entries.h"

#include "core/base/must.h"

#include <stdlib.h>

void pending_entries_init(struct pending_entries *in_flight)
{
	*in_flight = (struct pending_entries){.handled_end = &in_flight->handled};
}

static void free_all(struct pending_entry *list)
{
	for (struct pending_entry *entry = list, *next; entry; entry = next) {
		next = entry->next;
		free(entry);
	}
}

void pending_entries_release(struct pending_entries *in_flight)
{
	free_all(in_flight->first);
	free_all(in_flight->spare);
}

static struct pending_entry *new_entry(struct pending_entries *in_flight)
{
	struct pending_entry *entry = in_flight->spare;

	if (!entry)
		return must(malloc(sizeof *entry));
	in_flight->spare = entry->next;
	return entry;
}

int pending_entry_compare(const struct pending_entry *entry, int64_t incarnation, struct stream_id id)
{
	if (entry->incarnation != incarnation)
		return entry->incarnation < incarnation ? -1 : 1;
	return stream_id_compare(entry->id, id);
}

struct pending_entry *pending_entries_place(const struct pending_entries *in_flight,
					    struct pending_entry *place, int64_t incarnation,
					    struct stream_id id)
{
	struct pending_entry *next = place ? place->next : in_flight->first;

	/* A new entry is nearly always above all others. */
	if (in_flight->last && pending_entry_compare(in_flight->last, incarnation, id) <= 0)
		return in_flight->last;
	for (; next && pending_entry_compare(next, incarnation, id) <= 0; next = next->next)
		place = next;
	return place;
}

struct pending_entry *pending_entries_add(struct pending_entries *in_flight, struct pending_entry *place,
					  int64_t incarnation, struct stream_id id)
{
	struct pending_entry *entry = new_entry(in_flight);

	*entry = (struct pending_entry){
		.previous = place,
		.next = place ? place->next : in_flight->first,
		.incarnation = incarnation,
		.id = id,
	};
	*(entry->previous ? &entry->previous->next : &in_flight->first) = entry;
	*(entry->next ? &entry->next->previous : &in_flight->last) = entry;
	in_flight->count++;
	return entry;
}

void pending_entries_forget(struct pending_entries *in_flight, struct pending_entry *entry)
{
	*(entry->previous ? &entry->previous->next : &in_flight->first) = entry->next;
	*(entry->next ? &entry->next->previous : &in_flight->last) = entry->previous;
	in_flight->count--;
	entry->next = in_flight->spare;
	in_flight->spare = entry;
}

void pending_entries_push_handled(struct pending_entries *in_flight, struct pending_entry *entry)
{
	entry->next_to_acknowledge = NULL;
	*in_flight->handled_end = entry;
	in_flight->handled_end = &entry->next_to_acknowledge;
	in_flight->handled_count++;
}

struct pending_entry *pending_entries_take_handled(struct pending_entries *in_flight, size_t max)
{
	struct pending_entry *list = in_flight->handled, **end = &in_flight->handled;

	if (!list || !max)
		return NULL;
	for (size_t i = 0; i < max && *end; i++, in_flight->handled_count--)
		end = &(*end)->next_to_acknowledge;
	in_flight->handled = *end;
	if (!*end)
		in_flight->handled_end = &in_flight->handled;
	*end = NULL;
	return list;
}
