/* Encodes commands to Redis for the wire. */
#ifndef ALLOCD_ADAPTERS_REDIS_PROTOCOL_RESP_WRITER_H
#define ALLOCD_ADAPTERS_REDIS_PROTOCOL_RESP_WRITER_H

#include "core/base/bytes.h"

#include <stdint.h>

struct evbuffer;

/* Returns a text as bytes; NULL becomes an empty text. */
struct bytes bytes_of(const char *text);

/* The most arguments of a command that is appended as a whole, its name included. */
#define RESP_ARGUMENTS_MAX 16

/* Appends one command: its name and its arguments. */
void resp_append_command(struct evbuffer *out, const struct bytes *arguments, size_t count);

/* Appends a command of any length: `count` arguments, each added by a call; the first is the name. */
void resp_begin_command(struct evbuffer *out, size_t count);
void resp_add_argument(struct evbuffer *out, struct bytes argument);
void resp_add_number(struct evbuffer *out, int64_t number);

#endif
