/*
 * The thread of a mail, and the state that it shares with the event loop.  The loop fills in the order,
 * starts and joins the thread, and reads the result.
 */
#include "adapters/smtp/smtp_mail.h"

#include "adapters/smtp/mail_text.h"
#include "adapters/smtp/smtp_reply.h"
#include "adapters/smtp/smtp_tls.h"
#include "adapters/system/resolver.h"
#include "core/base/arena.h"
#include "core/base/must.h"
#include "core/base/utf8.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <event2/event.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKETS_MAX    8 /* libcurl tries the addresses of two families side by side */
#define STACK_SIZE     ((size_t)1024 * 1024)
#define HOST_NAME_SIZE 256

struct smtp_mail {
	struct arena *arena;

	/* The order, for libcurl. */
	const char *url;       /* scheme, host and port, and the name for EHLO */
	const char *addresses; /* of the host; NULL when the host is an address */
	const char *server, *from, *to, *text;
	const char *ca_file;
	char *user, *password;
	long use_ssl;
	long connect_ms, whole_ms;

	/* Shared by the loop and the thread. */
	atomic_bool is_cancelled;
	pthread_mutex_t mutex; /* guards the sockets, so that no closed one, or its successor, is shut down */
	int sockets[SOCKETS_MAX];
	size_t socket_count;
	int ended_fd; /* an eventfd that wakes the loop */

	/* Owned by the thread until it has ended. */
	pthread_t thread;
	bool has_thread;
	size_t sent;
	struct smtp_session session;
	CURLcode result;
	char curl_error[CURL_ERROR_SIZE];

	struct event *ended;
	smtp_mail_done *done;
	void *context;
};

/* ---- sockets ---- */

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct smtp_mail *mail = context;
	int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);

	(void)purpose;
	if (fd < 0)
		return CURL_SOCKET_BAD;
	pthread_mutex_lock(&mail->mutex);
	if (mail->socket_count < SOCKETS_MAX)
		mail->sockets[mail->socket_count++] = fd;
	pthread_mutex_unlock(&mail->mutex);
	return fd;
}

static int close_socket(void *context, curl_socket_t fd)
{
	struct smtp_mail *mail = context;

	pthread_mutex_lock(&mail->mutex);
	for (size_t i = 0; i < mail->socket_count; i++) {
		if (mail->sockets[i] == fd)
			mail->sockets[i--] = mail->sockets[--mail->socket_count];
	}
	pthread_mutex_unlock(&mail->mutex);
	return close(fd);
}

static void shut_down(struct smtp_mail *mail, int how)
{
	pthread_mutex_lock(&mail->mutex);
	for (size_t i = 0; i < mail->socket_count; i++)
		shutdown(mail->sockets[i], how);
	pthread_mutex_unlock(&mail->mutex);
}

/* ---- callbacks of libcurl, in the thread ---- */

static size_t read_content(char *buffer, size_t size, size_t count, void *context)
{
	struct smtp_mail *mail = context;
	size_t left = strlen(mail->text + mail->sent), portion = size * count;

	smtp_note_content(&mail->session);
	if (portion > left)
		portion = left;
	memcpy(buffer, mail->text + mail->sent, portion);
	mail->sent += portion;
	mail->session.is_all_sent = portion == left;
	return portion;
}

static size_t on_reply_line(char *line, size_t size, size_t count, void *context)
{
	struct smtp_mail *mail = context;

	smtp_note_line(&mail->session, line, size * count);
	return size * count;
}

/*
 * libcurl would wait for the reply to QUIT until its timeout, although that reply changes nothing, so its
 * socket is shut down for reading.
 */
static int on_trace(CURL *curl, curl_infotype type, char *bytes, size_t size, void *context)
{
	struct smtp_mail *mail = context;

	(void)curl;
	if (type == CURLINFO_HEADER_OUT)
		smtp_note_command(&mail->session, bytes, size);
	if (mail->session.has_quit)
		shut_down(mail, SHUT_RD);
	return 0;
}

static int is_cancelled_yet(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct smtp_mail *mail = context;

	(void)a, (void)b, (void)c, (void)d;
	return atomic_load(&mail->is_cancelled);
}

/* ---- the thread ---- */

static void set_connection(CURL *curl, struct smtp_mail *mail)
{
	curl_easy_setopt(curl, CURLOPT_URL, mail->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* ignore the environment's proxy */
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, mail->connect_ms);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, mail->whole_ms);
	curl_easy_setopt(curl, CURLOPT_USE_SSL, mail->use_ssl);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (mail->ca_file)
		curl_easy_setopt(curl, CURLOPT_CAINFO, mail->ca_file);
	if (mail->user) {
		curl_easy_setopt(curl, CURLOPT_USERNAME, mail->user);
		curl_easy_setopt(curl, CURLOPT_PASSWORD, mail->password);
		/* Only these, because Kerberos, which some servers offer first, looks names up. */
		curl_easy_setopt(curl, CURLOPT_LOGIN_OPTIONS, "AUTH=PLAIN;AUTH=LOGIN;AUTH=CRAM-MD5");
	}
}

static void set_callbacks(CURL *curl, struct smtp_mail *mail)
{
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, mail);
	curl_easy_setopt(curl, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
	curl_easy_setopt(curl, CURLOPT_CLOSESOCKETDATA, mail);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_reply_line);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, mail);
	curl_easy_setopt(curl, CURLOPT_READFUNCTION, read_content);
	curl_easy_setopt(curl, CURLOPT_READDATA, mail);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, is_cancelled_yet);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, mail);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, on_trace); /* which prints nothing */
	curl_easy_setopt(curl, CURLOPT_DEBUGDATA, mail);
	curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, mail->curl_error);
}

static void transfer(struct smtp_mail *mail)
{
	CURL *curl = must(curl_easy_init());
	struct curl_slist *to = must(curl_slist_append(NULL, mail->to)), *addresses = NULL;

	set_connection(curl, mail);
	set_callbacks(curl, mail);
	if (mail->addresses)
		addresses = must(curl_slist_append(NULL, mail->addresses));
	curl_easy_setopt(curl, CURLOPT_RESOLVE, addresses);
	curl_easy_setopt(curl, CURLOPT_MAIL_FROM, mail->from);
	curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
	curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
	mail->result = curl_easy_perform(curl);
	curl_easy_cleanup(curl);
	curl_slist_free_all(to);
	curl_slist_free_all(addresses);
}

static void *run(void *context)
{
	struct smtp_mail *mail = context;

	transfer(mail);
	eventfd_write(mail->ended_fd, 1);
	return NULL;
}

/* The thread blocks all signals, which the loop handles.  Returns an errno, or 0. */
static int start_thread(struct smtp_mail *mail)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int error;

	mail->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (mail->ended_fd < 0)
		return errno;
	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&mail->thread, &attributes, run, mail);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	mail->has_thread = !error;
	return error;
}

/* ---- the result, in the loop ---- */

/* Joins the thread, which has ended or is about to. */
static void end_thread(struct smtp_mail *mail)
{
	if (mail->has_thread)
		pthread_join(mail->thread, NULL);
	mail->has_thread = false;
}

static void mail_free(struct smtp_mail *mail)
{
	struct arena *arena = mail->arena;

	end_thread(mail);
	event_free(mail->ended);
	if (mail->ended_fd >= 0)
		close(mail->ended_fd);
	pthread_mutex_destroy(&mail->mutex);
	if (mail->password)
		explicit_bzero(mail->password, strlen(mail->password));
	free(mail->user);
	free(mail->password);
	arena_free(&arena);
}

/* Advice for the operator on an error of libcurl, where there is any. */
static const char *advice_on(CURLcode result)
{
	switch ((int)result) {
	case CURLE_PEER_FAILED_VERIFICATION:
		return ": ALLOCD_SMTP_URL must name a host that the certificate is for, and this machine must trust "
		       "its authority (add it to the system's, or name its file in SSL_CERT_FILE)";
	case CURLE_USE_SSL_FAILED:
		return ": nothing is sent without TLS; use smtps://, or allow plain text by ALLOCD_MAIL_TLS=off";
	case CURLE_SSL_CONNECT_ERROR:
		return ": a port that speaks TLS from the start is smtps://, another one smtp://";
	default:
		return "";
	}
}

static const char *cause_of(const struct smtp_mail *mail)
{
	if (mail->result == CURLE_OPERATION_TIMEDOUT)
		return mail->session.stage == SMTP_CONNECTING ? "no connection, or no greeting, in time"
							      : "no answer in time";
	return mail->curl_error[0] ? mail->curl_error : curl_easy_strerror(mail->result);
}

static void finish(struct smtp_mail *mail)
{
	const struct smtp_account account = {mail->server, mail->to, mail->password, cause_of(mail),
					     advice_on(mail->result)};
	struct failure failure = {.kind = smtp_failure_kind(&mail->session)};
	bool is_accepted = mail->result == CURLE_OK;
	smtp_mail_done *done = mail->done;
	void *context = mail->context;
	char text[SMTP_FAILURE_SIZE];

	smtp_describe(&mail->session, &account, text);
	failure.text = text;
	mail_free(mail);
	done(context, is_accepted ? NULL : &failure);
}

static void on_ended(evutil_socket_t fd, short what, void *context)
{
	struct smtp_mail *mail = context;

	(void)fd;
	(void)what;
	end_thread(mail);
	finish(mail);
}

/* ---- the order ---- */

static long use_ssl(enum smtp_need need)
{
	static const long uses[] = {[SMTP_NO_TLS] = CURLUSESSL_NONE,
				    [SMTP_TLS_WHEN_OFFERED] = CURLUSESSL_TRY,
				    [SMTP_TLS_OR_NOTHING] = CURLUSESSL_ALL};

	return uses[need];
}

/* HOST:PORT:ADDRESS,ADDRESS, so that libcurl does no look-up; NULL for a host that is an address. */
static const char *known_addresses(struct arena *arena, const struct smtp_order *order)
{
	const struct smtp_url *url = order->url;
	const char *text = arena_printf(arena, "%s:%u:", url->host, url->port), *separator = "";
	char address[INET6_ADDRSTRLEN + 32];

	if (resolver_is_address(url->host))
		return NULL;
	for (const struct addrinfo *at = order->addresses; at; at = at->ai_next) {
		if (getnameinfo(at->ai_addr, at->ai_addrlen, address, sizeof address, NULL, 0,
				NI_NUMERICHOST))
			continue;
		text = arena_printf(arena, at->ai_family == AF_INET6 ? "%s%s[%s]" : "%s%s%s", text, separator,
				    address);
		separator = ",";
	}
	return text;
}

/* Servers expect a name with a dot: this machine's, or else the sender's domain. */
static const char *name_for_hello(struct arena *arena, const char *from)
{
	char name[HOST_NAME_SIZE] = "";

	if (gethostname(name, sizeof name - 1) || !strchr(name, '.') || strpbrk(name, "/?#% "))
		return mail_domain(from);
	return arena_strdup(arena, name);
}

static void copy_order(struct smtp_mail *mail, const struct smtp_order *order)
{
	struct arena *arena = mail->arena;
	const struct smtp_url *url = order->url;

	mail->url = arena_printf(arena, "%s://%s/%s", url->tls ? "smtps" : "smtp", url->server,
				 name_for_hello(arena, order->from));
	mail->server = arena_strdup(arena, url->server);
	mail->addresses = known_addresses(arena, order);
	mail->from = arena_strdup(arena, order->from);
	mail->to = arena_strdup(arena, order->to);
	mail->text = arena_strdup(arena, order->text);
	mail->ca_file = order->ca_file ? arena_strdup(arena, order->ca_file) : NULL;
	mail->user = url->user ? must(strdup(url->user)) : NULL;
	mail->password = url->password ? must(strdup(url->password)) : NULL;
	mail->use_ssl = use_ssl(smtp_need_of_tls(order->tls, order->url->password, order->addresses));
	mail->connect_ms = order->connect_ms;
	mail->whole_ms = order->whole_ms;
}

struct smtp_mail *smtp_mail_start(struct event_base *base, const struct smtp_order *order,
				  smtp_mail_done *done, void *context)
{
	static const struct timeval at_once = {0, 0};
	struct arena *arena = arena_new(8192);
	struct smtp_mail *mail = arena_alloc(arena, sizeof *mail);
	int error;

	mail->arena = arena;
	mail->done = done;
	mail->context = context;
	pthread_mutex_init(&mail->mutex, NULL);
	copy_order(mail, order);
	error = start_thread(mail);
	if (error) {
		mail->result = CURLE_FAILED_INIT;
		utf8_format(mail->curl_error, sizeof mail->curl_error, "cannot start a thread: %s",
			    strerror(error));
	}
	mail->ended = must(error ? evtimer_new(base, on_ended, mail)
				 : event_new(base, mail->ended_fd, EV_READ, on_ended, mail));
	event_add(mail->ended, error ? &at_once : NULL);
	return mail;
}

void smtp_mail_cancel(struct smtp_mail **mail)
{
	if (!*mail)
		return;
	atomic_store(&(*mail)->is_cancelled, true);
	shut_down(*mail, SHUT_RDWR);
	mail_free(*mail);
	*mail = NULL;
}
