/* A hash table of commands, chained through the deliveries. */
#include "bus/process/line_index.h"

#include "bus/messages/message_bus.h"
#include "core/base/hash.h"
#include "core/base/must.h"

#include <stdlib.h>
#include <string.h>

/* Chains are short while no more commands are queued than that. */
#define BUCKETS 16384

struct line_index {
	struct delivery *buckets[BUCKETS];
};

struct line_index *line_index_new(void)
{
	return must_alloc(sizeof(struct line_index));
}

void line_index_free(struct line_index **index)
{
	free(*index);
	*index = NULL;
}

static size_t bucket_of(const char *orderid)
{
	return hash_text(orderid) % BUCKETS;
}

static const char *order_of(const struct delivery *command)
{
	return message_text(&command->envelope.message, "orderid");
}

/* Whether the command may allocate a line. */
static bool has_line(const struct delivery *command)
{
	return !command->decided && message_bus_route(command->type)->lines_are_new;
}

void line_index_add(struct line_index *index, struct delivery *command)
{
	struct delivery **bucket;

	if (!has_line(command))
		return;
	bucket = &index->buckets[bucket_of(order_of(command))];
	command->next_of_order = *bucket;
	command->is_indexed = true;
	*bucket = command;
}

void line_index_remove(struct line_index *index, struct delivery *command)
{
	struct delivery **link;

	if (!command->is_indexed)
		return;
	link = &index->buckets[bucket_of(order_of(command))];
	while (*link != command)
		link = &(*link)->next_of_order;
	*link = command->next_of_order;
	command->is_indexed = false;
}

static struct delivery *next_of(struct delivery *it, const char *orderid)
{
	while (it && strcmp(order_of(it), orderid))
		it = it->next_of_order;
	return it;
}

struct delivery *line_index_first(const struct line_index *index, const char *orderid)
{
	return next_of(index->buckets[bucket_of(orderid)], orderid);
}

struct delivery *line_index_next(const struct delivery *command)
{
	return next_of(command->next_of_order, order_of(command));
}
