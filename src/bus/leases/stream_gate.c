/* Follows what the database says about the streams. */
#include "bus/leases/stream_gate.h"

#include <string.h>

void stream_gate_init(struct stream_gate *gate, struct stream_list *list, const char *prefix)
{
	*gate = (struct stream_gate){.list = list, .prefix = prefix, .arena = arena_new(256), .text = ""};
}

void stream_gate_release(struct stream_gate *gate)
{
	if (gate->list)
		arena_free(&gate->arena);
}

/* A worker whose list is not the database's any more keeps the length under which it read. */
bool stream_gate_follow(struct stream_gate *gate, const char *text)
{
	struct stream_list *list = gate->list;

	if (!list || !strcmp(text, gate->text))
		return false;
	arena_clear(gate->arena);
	gate->text = arena_strdup(gate->arena, text);
	if (!*text || !stream_plan_parse(gate->text, &gate->plan, gate->arena))
		gate->plan = (struct stream_plan){.to.text = "", .from.text = ""};
	gate->is_other = *text && !stream_plan_admits(&gate->plan, list->text);
	if (!gate->is_other)
		list->grows_from = gate->plan.step == STREAMS_PREPARED ? gate->plan.from.range_count : 0;
	return true;
}

bool stream_gate_has(const struct stream_gate *gate, const char *lease)
{
	return gate->list && stream_list_has(gate->list, lease);
}

bool stream_gate_is_to_come(const struct stream_gate *gate, const char *lease)
{
	size_t size = gate->list ? strlen(gate->prefix) : 0;

	return gate->list && !strncmp(lease, gate->prefix, size) &&
	       stream_plan_is_to_come(&gate->plan, lease + size);
}

bool stream_gate_is_open(const struct stream_gate *gate, const char *lease)
{
	return !gate->is_other || !stream_gate_has(gate, lease);
}
