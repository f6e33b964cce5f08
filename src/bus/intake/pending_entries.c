/* A sorted list of entries, and a second list through those of them that are handled. */
#include "bus/intake/pending_entries.h"

#include "core/base/must.h"

#include <stdlib.h>

void pending_entries_init(struct pending_entries *in_flight)
{
	*in_flight = (struct pending_entries){.handled_end = &in_flight->handled};
}

void pending_entries_release(struct pending_entries *in_flight)
{
	for (struct pending_entry *entry = in_flight->first, *next; entry; entry = next) {
		next = entry->next;
		free(entry);
	}
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
	struct pending_entry *entry = must_alloc(sizeof *entry);

	entry->incarnation = incarnation;
	entry->id = id;
	entry->previous = place;
	entry->next = place ? place->next : in_flight->first;
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
	free(entry);
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
