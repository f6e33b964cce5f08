/* Replies as a connection makes them of what Redis sends. */
#ifndef ALLOCD_TESTS_REDIS_REPLIES_H
#define ALLOCD_TESTS_REDIS_REPLIES_H

#include <hiredis/hiredis.h>

/* Makes a reply from the bytes on the wire; it lives until the next one is made. */
redisReply *reply_of(const char *wire);

/* The same as people write it: ['text' :1 nil []] or -ERR what an error says. */
redisReply *reply_written(const char *text);

#endif
