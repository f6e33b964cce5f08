/* A hash table of commands, chained through the deliveries. */
#include "bus/process/line_index.h"

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

void line_index_add(struct line_index *index, struct delivery *command)
{
	struct delivery **bucket;

	if (!command->may_allocate || command->decided)
		return;
	bucket = &index->buckets[bucket_of(order_of(command))];
	command->next_of_order = *bucket;
	if (*bucket)
		(*bucket)->link_of_order = &command->next_of_order;
	command->link_of_order = bucket;
	*bucket = command;
}

void line_index_remove(struct delivery *command)
{
	if (!command->link_of_order)
		return;
	*command->link_of_order = command->next_of_order;
	if (command->next_of_order)
		command->next_of_order->link_of_order = command->link_of_order;
	command->link_of_order = NULL;
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
