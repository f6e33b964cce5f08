/* TLS by OpenSSL and libevent's stream for it. */
#include "adapters/redis/connection/tls.h"

#include "adapters/system/resolver.h"
#include "core/base/must.h"
#include "core/base/utf8.h"

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdbool.h>

static SSL_CTX *context_new(void)
{
	SSL_CTX *context = must(SSL_CTX_new(TLS_client_method()));

	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_default_verify_paths(context);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	return context;
}

/* Without this, OpenSSL would not compare the certificate with the host. */
static void expect_host(SSL *ssl, char *host)
{
	bool set = resolver_is_address(host)
			   ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1
			   : SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;

	if (!set)
		abort();
}

struct bufferevent *tls_stream_new(struct event_base *base, int fd, char *host)
{
	SSL_CTX *context = context_new();
	SSL *ssl = must(SSL_new(context));
	struct bufferevent *stream;

	SSL_CTX_free(context); /* the stream holds it */
	expect_host(ssl, host);
	stream = must(bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_CONNECTING,
						     BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS));
	bufferevent_openssl_set_allow_dirty_shutdown(stream, 1); /* no reply depends on a clean end */
	return stream;
}

/* What to do about an error that the server's alert or OpenSSL names. */
static const struct {
	int reason;
	const char *advice;
} advices[] = {
	{SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED,
	 "the server demands a client certificate, and allocd presents none: set tls-auth-clients to no or "
	 "optional in Redis"},
	{SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,
	 "the server refuses the handshake: it demands a client certificate, and allocd presents none "
	 "(tls-auth-clients in Redis), or no cipher is common to both"},
	{SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "the server refuses the client certificate"},
	{SSL_R_TLSV1_ALERT_UNKNOWN_CA, "the server does not know the authority of the client certificate"},
	{SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "the server supports neither TLS 1.2 nor a later version"},
	{SSL_R_UNSUPPORTED_PROTOCOL, "the server supports neither TLS 1.2 nor a later version"},
	{SSL_R_WRONG_VERSION_NUMBER,
	 "this port does not speak TLS: REDIS_URL must name the TLS port, or begin with redis://"},
	{SSL_R_TLSV1_UNRECOGNIZED_NAME, "the server has no certificate for this host name"},
};

static const char *advice_on_reason(int reason)
{
	for (size_t i = 0; i < sizeof advices / sizeof advices[0]; i++) {
		if (advices[i].reason == reason)
			return advices[i].advice;
	}
	return NULL;
}

static const char *advice_on_certificate(long verified)
{
	switch (verified) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return "it is for another host: REDIS_URL must name a host that it is for";
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return "renew it, or set this machine's clock";
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return "set this machine's clock";
	default:
		return "this machine does not trust it: add its authority to the system's, or name its file in "
		       "SSL_CERT_FILE";
	}
}

bool tls_describe_error(struct bufferevent *stream, char *text, size_t size)
{
	long verified = SSL_get_verify_result(bufferevent_openssl_get_ssl(stream));
	unsigned long error = bufferevent_get_openssl_error(stream);
	const char *reason = error ? ERR_reason_error_string(error) : NULL;
	const char *advice = error ? advice_on_reason(ERR_GET_REASON(error)) : NULL;

	if (verified != X509_V_OK)
		utf8_format(text, size, "the server's certificate: %s: %s",
			    X509_verify_cert_error_string(verified), advice_on_certificate(verified));
	else if (advice)
		utf8_format(text, size, "TLS: %s", advice);
	else if (reason)
		utf8_format(text, size, "TLS: %s", reason);
	return verified != X509_V_OK || reason;
}

/* An alert is a record of type 21 and version 3.x. */
bool tls_is_alert(const void *bytes, size_t size)
{
	const unsigned char *record = bytes;

	return size >= 2 && record[0] == 21 && record[1] == 3;
}
