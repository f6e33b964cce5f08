/* OpenSSL, as little of it as is needed. */
#include "adapters/redis/tls.h"

#include "core/must.h"
#include "core/utf8.h"

#include <arpa/inet.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdbool.h>

struct ssl_ctx_st *tls_context_new(void)
{
	SSL_CTX *context = must(SSL_CTX_new(TLS_client_method()));

	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_default_verify_paths(context);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	return context;
}

static bool is_address(const char *host)
{
	struct in6_addr address;

	return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

/* Without its name set no certificate would ever be compared with the host. */
static void expect_host(SSL *ssl, char *host)
{
	bool set = is_address(host)
			   ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1
			   : SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;

	if (!set)
		abort();
}

struct bufferevent *tls_stream_new(struct ssl_ctx_st *context, struct event_base *base, int fd, char *host)
{
	SSL *ssl = must(SSL_new(context));
	struct bufferevent *stream;

	expect_host(ssl, host);
	stream = must(bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_CONNECTING,
						     BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS));
	bufferevent_openssl_set_allow_dirty_shutdown(stream, 1); /* the end of a stream is no promise to us */
	return stream;
}

void tls_describe_error(struct bufferevent *stream, char *text, size_t size)
{
	long verified = SSL_get_verify_result(bufferevent_openssl_get_ssl(stream));
	unsigned long error = bufferevent_get_openssl_error(stream);
	const char *reason = error ? ERR_reason_error_string(error) : NULL;

	if (verified != X509_V_OK)
		utf8_format(text, size, "the server's certificate: %s",
			    X509_verify_cert_error_string(verified));
	else if (reason)
		utf8_format(text, size, "TLS: %s", reason);
	else
		utf8_format(text, size, "%s", evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
}
