/* TLS to Redis: the certificate is checked against the system's authorities, and against the host's name. */
#ifndef ALLOCD_ADAPTERS_REDIS_TLS_H
#define ALLOCD_ADAPTERS_REDIS_TLS_H

#include <stddef.h>

struct bufferevent;
struct event_base;
struct ssl_ctx_st;

/*
 * Trusts whom the system trusts; OpenSSL's SSL_CERT_FILE and SSL_CERT_DIR name others.  Freed with
 * SSL_CTX_free.
 */
struct ssl_ctx_st *tls_context_new(void);

/*
 * A stream that begins with the handshake and closes `fd`.  `host` is a name or an address, and is not
 * changed.
 */
struct bufferevent *tls_stream_new(struct ssl_ctx_st *context, struct event_base *base, int fd, char *host);

/* After BEV_EVENT_ERROR on such a stream: what went wrong. */
void tls_describe_error(struct bufferevent *stream, char *text, size_t size);

#endif
