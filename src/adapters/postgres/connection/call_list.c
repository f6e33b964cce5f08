/* A list from which each call can remove itself. */
#include "adapters/postgres/connection/call_list.h"

void *pg_call_begin(struct pg_call **calls, size_t size)
{
	struct arena *arena = arena_new(4096);
	struct pg_call *call = arena_alloc(arena, size);

	call->arena = arena;
	query_pipeline_init(&call->pipeline, arena);
	call->next = *calls;
	call->link = calls;
	if (call->next)
		call->next->link = &call->next;
	*calls = call;
	return call;
}

void pg_call_end(struct pg_call *call)
{
	struct arena *arena = call->arena;

	*call->link = call->next;
	if (call->next)
		call->next->link = call->link;
	query_pipeline_clear(&call->pipeline);
	arena_free(&arena);
}
