/* TLS by OpenSSL and libevent's stream for it. */
#include "adapters/redis/connection/tls.h"

#include "adapters/system/resolver.h"
#include "adapters/system/url_source.h"
#include "core/base/must.h"
#include "core/base/utf8.h"

#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the files ---- */

static bool load_authorities(SSL_CTX *context, const char *path)
{
	return SSL_CTX_load_verify_locations(context, path, NULL) == 1;
}

static bool load_certificate(SSL_CTX *context, const char *path)
{
	return SSL_CTX_use_certificate_chain_file(context, path) == 1;
}

/* The certificate is loaded before.  Without the check OpenSSL accepts a key of another kind, RSA or EC. */
static bool load_key(SSL_CTX *context, const char *path)
{
	return SSL_CTX_use_PrivateKey_file(context, path, SSL_FILETYPE_PEM) == 1 &&
	       SSL_CTX_check_private_key(context) == 1;
}

static bool is_mismatch(unsigned long error)
{
	int reason = ERR_GET_REASON(error);

	return ERR_GET_LIB(error) == ERR_LIB_X509
		       ? reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH
		       : ERR_GET_LIB(error) == ERR_LIB_SSL && reason == SSL_R_NO_CERTIFICATE_ASSIGNED;
}

/* Without this, OpenSSL would ask for the passphrase of an encrypted key on the terminal. */
static int refuse_passphrase(char *passphrase, int size, int is_writing, void *was_asked)
{
	(void)passphrase, (void)size, (void)is_writing;
	*(bool *)was_asked = true;
	return -1;
}

/* NULL, or why the file cannot be opened.  OpenSSL would wait for the writer of a pipe. */
static const char *opening_defect(const char *path)
{
	const char *defect = NULL;
	struct stat status;
	int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (file < 0 || fstat(file, &status) < 0)
		defect = strerror(errno);
	else if (!S_ISREG(status.st_mode))
		defect = "it is not a regular file";
	if (file >= 0)
		close(file);
	return defect;
}

/* NULL, or why OpenSSL does not accept the content. */
static const char *content_defect(SSL_CTX *context, const char *path,
				  bool (*load)(SSL_CTX *context, const char *path))
{
	bool is_encrypted = false;
	const char *reason;

	SSL_CTX_set_default_passwd_cb(context, refuse_passphrase);
	SSL_CTX_set_default_passwd_cb_userdata(context, &is_encrypted);
	ERR_clear_error();
	if (load(context, path))
		return NULL;
	if (is_encrypted)
		return "the key is encrypted: remove its passphrase";
	if (is_mismatch(ERR_peek_last_error()))
		return "this is not the key of the certificate in ALLOCD_REDIS_CERT_FILE";
	reason = ERR_reason_error_string(ERR_peek_error()); /* the first is the most specific */
	return reason ? reason : "it holds nothing in PEM that can be used";
}

static bool use_file(SSL_CTX *context, const char *setting, const char *path,
		     bool (*load)(SSL_CTX *context, const char *path), char *error, size_t size)
{
	const char *defect = opening_defect(path);

	if (!defect)
		defect = content_defect(context, path, load);
	if (defect)
		utf8_format(error, size, "%s: cannot use '%s': %s", setting, path, defect);
	ERR_clear_error(); /* or the next connection would report it as its own */
	return !defect;
}

static bool is_set(const char *path)
{
	return path && *path;
}

static bool use_files(SSL_CTX *context, const struct tls_files *files, char *error, size_t size)
{
	if (!is_set(files->authorities))
		SSL_CTX_set_default_verify_paths(context);
	else if (!use_file(context, "ALLOCD_REDIS_CA_FILE", files->authorities, load_authorities, error,
			   size))
		return false;
	return !is_set(files->certificate) ||
	       (use_file(context, "ALLOCD_REDIS_CERT_FILE", files->certificate, load_certificate, error,
			 size) &&
		use_file(context, "ALLOCD_REDIS_KEY_FILE", files->key, load_key, error, size));
}

/* ---- a stream ---- */

/* Returns NULL, with one line in `error`, when a file cannot be used. */
static SSL_CTX *context_new(const struct tls_files *files, char *error, size_t size)
{
	SSL_CTX *context = must(SSL_CTX_new(TLS_client_method()));

	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	if (!use_files(context, files, error, size)) {
		SSL_CTX_free(context);
		return NULL;
	}
	return context;
}

bool tls_files_check(const struct tls_files *files, char *error, size_t size)
{
	SSL_CTX *context = context_new(files, error, size);

	SSL_CTX_free(context);
	return context;
}

/* Without this, OpenSSL would not compare the certificate with the host. */
static void expect_host(SSL *ssl, char *host)
{
	bool set = resolver_is_address(host)
			   ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1
			   : SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;

	if (!set)
		must(NULL);
}

struct bufferevent *tls_stream_new(struct event_base *base, int fd, char *host, const struct tls_files *files,
				   char *error, size_t size)
{
	SSL_CTX *context = context_new(files, error, size);
	struct bufferevent *stream;
	SSL *ssl;

	if (!context) {
		close(fd);
		return NULL;
	}
	ssl = must(SSL_new(context));
	SSL_CTX_free(context); /* the stream holds it */
	expect_host(ssl, host);
	stream = must(bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_CONNECTING,
						     BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS));
	bufferevent_openssl_set_allow_dirty_shutdown(stream, 1); /* no reply depends on a clean end */
	return stream;
}

/* ---- errors ---- */

#define CLIENT_CERTIFICATE "ALLOCD_REDIS_CERT_FILE and ALLOCD_REDIS_KEY_FILE"

/* What to do about an error that the server's alert or OpenSSL names. */
static const struct {
	int reason;
	const char *advice;
} advices[] = {
	{SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED,
	 "the server demands a client certificate: set " CLIENT_CERTIFICATE
	 ", or tls-auth-clients to no or optional in Redis"},
	{SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,
	 "the server refuses the handshake: it demands a client certificate (" CLIENT_CERTIFICATE
	 "; tls-auth-clients in Redis), or no cipher is common to both"},
	{SSL_R_SSLV3_ALERT_BAD_CERTIFICATE,
	 "the server refuses the client certificate in ALLOCD_REDIS_CERT_FILE"},
	{SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED,
	 "the client certificate in ALLOCD_REDIS_CERT_FILE has expired"},
	{SSL_R_TLSV1_ALERT_UNKNOWN_CA, "the server does not know the authority of the client certificate in "
				       "ALLOCD_REDIS_CERT_FILE"},
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
		return "this machine does not trust it: name the file of its authority in ALLOCD_REDIS_CA_FILE, "
		       "or add it to the system's";
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
