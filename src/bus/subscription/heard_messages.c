/* A list of sections, and one of messages through all of them. */
#include "bus/subscription/heard_messages.h"

#include "core/base/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What malloc() adds to an allocation, at most. */
#define MALLOC_OVERHEAD 32

#define SECTION_COST (sizeof(struct heard_section) + MALLOC_OVERHEAD)

static size_t cost_of(const struct heard_message *message)
{
	return sizeof *message + message->payload.size + MALLOC_OVERHEAD;
}

void heard_init(struct heard_messages *heard, int64_t now_ms)
{
	*heard = (struct heard_messages){0};
	heard_begin_section(heard, "", now_ms);
}

static void free_first_section(struct heard_messages *heard)
{
	struct heard_section *section = heard->first_section;

	heard->first_section = section->next;
	heard->bytes -= SECTION_COST;
	free(section);
}

void heard_release(struct heard_messages *heard)
{
	for (struct heard_message *message = heard->first, *next; message; message = next) {
		next = message->next;
		free(message);
	}
	while (heard->first_section)
		free_first_section(heard);
}

void heard_begin_section(struct heard_messages *heard, const char *name, int64_t now_ms)
{
	struct heard_section *section = must_alloc(sizeof *section);

	snprintf(section->name, sizeof section->name, "%s", name);
	section->began_ms = now_ms;
	*(heard->first_section ? &heard->last_section->next : &heard->first_section) = section;
	heard->last_section = section;
	heard->bytes += SECTION_COST;
}

struct heard_message *heard_add(struct heard_messages *heard, enum message_type type, struct bytes payload,
				size_t payload_size)
{
	struct heard_message *message = must_alloc(sizeof *message + payload.size);

	message->section = heard->last_section;
	message->section->unfinished++;
	message->type = type;
	message->number = ++message->section->heard[type];
	message->payload_size = payload_size;
	message->payload = (struct bytes){memcpy(message + 1, payload.data, payload.size), payload.size};
	message->previous = heard->last;
	*(heard->last ? &heard->last->next : &heard->first) = message;
	heard->last = message;
	heard->bytes += cost_of(message);
	return message;
}

void heard_remove(struct heard_messages *heard, struct heard_message *message)
{
	*(message->previous ? &message->previous->next : &heard->first) = message->next;
	*(message->next ? &message->next->previous : &heard->last) = message->previous;
	message->section->unfinished--;
	heard->bytes -= cost_of(message);
	free(message);
}

struct heard_section *heard_find(const struct heard_messages *heard, const char *name)
{
	struct heard_section *section = *name ? heard->first_section : NULL;

	while (section && strcmp(section->name, name) != 0)
		section = section->next;
	return section;
}

struct heard_section *heard_since_cut(const struct heard_messages *heard)
{
	struct heard_section *found = heard->first_section;

	for (struct heard_section *it = found; it->next; it = it->next) {
		if (it->is_cut)
			found = it->next;
	}
	return found;
}

bool heard_is_cut_since(const struct heard_section *section)
{
	while (section && !section->is_cut)
		section = section->next;
	return section;
}

size_t heard_drop_before(struct heard_messages *heard, const struct heard_section *section)
{
	struct heard_section *it = heard->first_section;
	size_t dropped = 0;

	for (struct heard_message *message = heard->first, *next; message; message = next) {
		next = message->next;
		while (it != section && it != message->section)
			it = it->next;
		if (it == section)
			break;
		if (message->is_submitted)
			continue;
		heard_remove(heard, message);
		dropped++;
	}
	while (heard->first_section != section && !heard->first_section->unfinished)
		free_first_section(heard);
	return dropped;
}

void heard_trim(struct heard_messages *heard, const struct heard_section *end)
{
	while (heard->first_section != heard->last_section && heard->first_section != end &&
	       !heard->first_section->unfinished)
		free_first_section(heard);
}

const char *heard_name(const struct heard_message *message, struct arena *arena)
{
	if (!*message->section->name)
		return NULL;
	return arena_printf(arena, "%s-%u", message->section->name, message->number);
}
