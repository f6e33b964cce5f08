/* Commands to Redis, as they go over the wire. */
#ifndef ALLOCD_ADAPTERS_REDIS_PROTOCOL_RESP_WRITER_H
#define ALLOCD_ADAPTERS_REDIS_PROTOCOL_RESP_WRITER_H

#include "core/base/bytes.h"

#include <stdint.h>

struct evbuffer;

/* A text as bytes; NULL is an empty one. */
struct bytes bytes_of(const char *text);

/* Arguments of a command that is appended as a whole, its name included. */
#define RESP_ARGUMENTS_MAX 16

/* Appends one command: its name and its arguments. */
void resp_append_command(struct evbuffer *out, const struct bytes *arguments, size_t count);

/* Appends a command of any length argument by argument: `count` of them follow, and the name is the first. */
void resp_begin_command(struct evbuffer *out, size_t count);
void resp_add_argument(struct evbuffer *out, struct bytes argument);
void resp_add_number(struct evbuffer *out, int64_t number);

#endif
