/*
 * Finds the lines that unfinished commands may allocate, by their order: an event about an order concerns
 * them, too, although the database does not have them yet.
 */
#ifndef ALLOCD_BUS_PROCESS_LINE_INDEX_H
#define ALLOCD_BUS_PROCESS_LINE_INDEX_H

#include "bus/messages/delivery.h"

struct line_index;

struct line_index *line_index_new(void);
void line_index_free(struct line_index **index);

/* Commands that allocate no line are ignored.  A command must be removed before it is freed. */
void line_index_add(struct line_index *index, struct delivery *command);
void line_index_remove(struct delivery *command);

/* The order's first command, and the one after `command`; NULL: there is no further one. */
struct delivery *line_index_first(const struct line_index *index, const char *orderid);
struct delivery *line_index_next(const struct delivery *command);

#endif
