/* TLS to Redis: the certificate is checked against the system's authorities, and against the host's name. */
#ifndef ALLOCD_ADAPTERS_REDIS_CONNECTION_TLS_H
#define ALLOCD_ADAPTERS_REDIS_CONNECTION_TLS_H

#include <stdbool.h>
#include <stddef.h>

struct bufferevent;
struct event_base;

/*
 * A stream that begins with the handshake and closes `fd`.  It trusts whom the system trusts at this moment;
 * OpenSSL's SSL_CERT_FILE and SSL_CERT_DIR name others.  `host` is a name or an address, and is not changed.
 */
struct bufferevent *tls_stream_new(struct event_base *base, int fd, char *host);

/*
 * After the end of such a stream: what went wrong, and what to do about it.  False, and nothing is written,
 * when TLS says nothing of it.
 */
bool tls_describe_error(struct bufferevent *stream, char *text, size_t size);

/* Whether these bytes, which a port sent that was not spoken TLS to, are an alert of TLS. */
bool tls_is_alert(const void *bytes, size_t size);

#endif
