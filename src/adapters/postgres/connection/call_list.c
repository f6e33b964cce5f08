/* A list that each call can leave by itself. */
#include "adapters/postgres/connection/call_list.h"

void *call_begin(struct call **calls, size_t size)
{
	struct arena *arena = arena_new(4096);
	struct call *call = arena_alloc(arena, size);

	call->arena = arena;
	segment_init(&call->segment, arena);
	call->next = *calls;
	call->place = calls;
	if (call->next)
		call->next->place = &call->next;
	*calls = call;
	return call;
}

void call_end(struct call *call)
{
	struct arena *arena = call->arena;

	*call->place = call->next;
	if (call->next)
		call->next->place = call->place;
	segment_clear(&call->segment);
	arena_free(&arena);
}
