/* TLS to Redis: its certificate is checked against the authorities that are trusted, and the host's name. */
#ifndef ALLOCD_ADAPTERS_REDIS_CONNECTION_TLS_H
#define ALLOCD_ADAPTERS_REDIS_CONNECTION_TLS_H

#include <stdbool.h>
#include <stddef.h>

struct bufferevent;
struct event_base;
struct tls_files;

/*
 * A stream that begins with the TLS handshake and owns `fd`.  The files are read at each call.
 * Without a file of authorities it trusts those that the system trusts at the time of the call; OpenSSL's
 * SSL_CERT_FILE and SSL_CERT_DIR name others.  `host` is a name or an address, and is not changed.
 *
 * When a file cannot be used, it closes `fd` and returns NULL, and `error` is one line that names the file
 * and the setting.
 */
struct bufferevent *tls_stream_new(struct event_base *base, int fd, char *host, const struct tls_files *files,
				   char *error, size_t size);

/* Whether the files can be used now; if not, `error` is one line that names the file and the setting. */
bool tls_files_check(const struct tls_files *files, char *error, size_t size);

/*
 * Describes why such a stream ended, and what to do about it.  False, and nothing is written, when TLS
 * reports no error.
 */
bool tls_describe_error(struct bufferevent *stream, char *text, size_t size);

/* Whether these bytes, sent by a port to which we did not speak TLS, are a TLS alert. */
bool tls_is_alert(const void *bytes, size_t size);

#endif
