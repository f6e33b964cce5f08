/* The request headers Accept, Accept-Encoding, If-None-Match (RFC 9110, 12.5.1, 12.5.3, 13.1.2). */
#ifndef ALLOCD_ENTRYPOINTS_HTTP_HTTP_ACCEPT_H
#define ALLOCD_ENTRYPOINTS_HTTP_HTTP_ACCEPT_H

#include <stdbool.h>

/*
 * Whether the client names application/json itself, and prefers it to text/plain.  A range that covers both,
 * such as the one of a browser or of curl, is not enough.  `accept` may be NULL.
 */
bool prefers_json(const char *accept);

/* Whether the client names gzip itself, and does not forbid it by the weight 0.  `codings` may be NULL. */
bool accepts_gzip(const char *codings);

/* Whether If-None-Match is "*", or lists this tag in quotes, as a weak one, too.  `tags` may be NULL. */
bool lists_etag(const char *tags, const char *etag);

#endif
