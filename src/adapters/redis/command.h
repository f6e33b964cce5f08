/* Commands to Redis, as they go over the wire. */
#ifndef ALLOCD_ADAPTERS_REDIS_COMMAND_H
#define ALLOCD_ADAPTERS_REDIS_COMMAND_H

#include "core/bytes.h"

struct evbuffer;

#define COMMAND_ARGUMENTS_MAX 16

/* A text as bytes; NULL is an empty one. */
struct bytes bytes_of(const char *text);

/* Appends one command: its name and its arguments, COMMAND_ARGUMENTS_MAX in all at most. */
void command_append(struct evbuffer *out, const struct bytes *arguments, size_t count);

#endif
