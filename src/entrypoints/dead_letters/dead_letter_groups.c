/* Counts dead letters by what went wrong. */
#include "entrypoints/dead_letters/dead_letter_groups.h"

#include <stdlib.h>

void dead_letter_groups_init(struct dead_letter_groups *groups, struct arena *arena)
{
	*groups = (struct dead_letter_groups){.arena = arena};
	map_init(&groups->by_key, arena);
}

/* Neither an outcome nor the name of a message has a blank. */
static struct dead_letter_group *group_of(struct dead_letter_groups *groups, const struct dead_letter *letter)
{
	struct arena *arena = groups->arena;
	const char *key = arena_printf(arena, "%s %s %s", letter->outcome, letter->message, letter->reason);
	struct dead_letter_group *group = map_get(&groups->by_key, key);

	if (group)
		return group;
	group = arena_alloc(arena, sizeof *group);
	*group = (struct dead_letter_group){
		.outcome = arena_strdup(arena, letter->outcome),
		.message = arena_strdup(arena, letter->message),
		.reason = arena_strdup(arena, letter->reason),
		.first_at = letter->first_at,
		.first_id = letter->id,
	};
	map_put(&groups->by_key, key, group);
	groups->all = arena_grow(arena, groups->all, groups->count, sizeof(struct dead_letter_group *));
	groups->all[groups->count++] = group;
	return group;
}

void dead_letter_groups_add(struct dead_letter_groups *groups, const struct dead_letter *letter)
{
	struct dead_letter_group *group = group_of(groups, letter);

	group->count++;
	group->handled_since += letter->is_handled_since;
	if (letter->first_at < group->first_at)
		group->first_at = letter->first_at;
	if (letter->last_at > group->last_at)
		group->last_at = letter->last_at;
	group->last_id = letter->id;
}

static int by_count(const void *left, const void *right)
{
	const struct dead_letter_group *const *one = left, *const *other = right;

	if ((*one)->count != (*other)->count)
		return (*one)->count > (*other)->count ? -1 : 1;
	return (*one)->first_id < (*other)->first_id ? -1 : 1;
}

void dead_letter_groups_sort(struct dead_letter_groups *groups)
{
	if (groups->count)
		qsort(groups->all, groups->count, sizeof(struct dead_letter_group *), by_count);
}
