/* Keeps the events that a command raised, for the answer to its caller. */
#include "bus/messages/raised_events.h"

#define CHUNK_SIZE 1024

struct raised_events *raised_events_new(struct arena *arena)
{
	struct raised_events *raised = arena_alloc(arena, sizeof *raised);

	raised->arena = arena_new(CHUNK_SIZE);
	return raised;
}

void raised_events_free(struct raised_events **raised)
{
	arena_free(&(*raised)->arena);
	*raised = NULL;
}

void raised_events_clear(struct raised_events *raised)
{
	arena_clear(raised->arena);
	*raised = (struct raised_events){.arena = raised->arena};
}

void raised_events_keep(struct raised_events *raised, const struct outgoing *events, size_t count,
			int64_t first_version, bool continues)
{
	struct arena *arena = raised->arena;

	raised->has_more = continues || count > RAISED_EVENTS_MAX;
	raised->first_version = first_version;
	raised->count = count < RAISED_EVENTS_MAX ? count : RAISED_EVENTS_MAX;
	if (!raised->count)
		return;
	raised->events = arena_copy(arena, events, raised->count * sizeof *events);
	for (size_t i = 0; i < raised->count; i++)
		raised->events[i].payload.data =
			arena_copy(arena, events[i].payload.data, events[i].payload.size);
}
