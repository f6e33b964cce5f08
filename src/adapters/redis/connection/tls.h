/* TLS to Redis: the certificate is checked against the system's authorities, and against the host's name. */
#ifndef ALLOCD_ADAPTERS_REDIS_CONNECTION_TLS_H
#define ALLOCD_ADAPTERS_REDIS_CONNECTION_TLS_H

#include <stdbool.h>
#include <stddef.h>

struct bufferevent;
struct event_base;

/*
 * A stream that begins with the TLS handshake and owns `fd`.  It trusts the authorities that the system
 * trusts at the time of the call; OpenSSL's SSL_CERT_FILE and SSL_CERT_DIR name others.  `host` is a name or
 * an address, and is not changed.
 */
struct bufferevent *tls_stream_new(struct event_base *base, int fd, char *host);

/*
 * Describes why such a stream ended, and what to do about it.  False, and nothing is written, when TLS
 * reports no error.
 */
bool tls_describe_error(struct bufferevent *stream, char *text, size_t size);

/* Whether these bytes, sent by a port to which we did not speak TLS, are a TLS alert. */
bool tls_is_alert(const void *bytes, size_t size);

#endif
