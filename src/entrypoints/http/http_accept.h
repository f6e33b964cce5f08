/* The request header Accept (RFC 9110, section 12.5.1). */
#ifndef ALLOCD_ENTRYPOINTS_HTTP_HTTP_ACCEPT_H
#define ALLOCD_ENTRYPOINTS_HTTP_HTTP_ACCEPT_H

#include <stdbool.h>

/*
 * Whether the client names application/json itself, and prefers it to text/plain.  A range that covers both,
 * such as the one of a browser or of curl, is not enough.  `accept` may be NULL.
 */
bool prefers_json(const char *accept);

#endif
