/* Sends a notification: reads the URL, looks up the server, writes the text, and starts the mail. */
#include "adapters/smtp/smtp_notifier.h"

#include "adapters/smtp/mail_text.h"
#include "adapters/smtp/smtp_mail.h"
#include "adapters/system/instants.h"
#include "adapters/system/resolver.h"
#include "core/base/must.h"
#include "core/base/utf8.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_SIZE 512

struct smtp_notifier {
	struct notifier notifier;
	struct smtp_config config;
	struct sending *sendings; /* all that are in flight */
};

/* A notification, from the call to its answer. */
struct sending {
	struct sending *next;
	struct smtp_notifier *owner;
	const struct notification *notification;
	notify_done *done;
	void *context;

	struct smtp_url url;
	struct resolver *resolver;
	struct event *timer;  /* the look-up's timeout, or a failure that is reported without a look-up */
	char text[TEXT_SIZE]; /* of that failure */
	int64_t begun_ms;
	struct smtp_mail *mail;
};

/* ---- the end ---- */

static void unlink_sending(struct sending *sending)
{
	struct sending **link = &sending->owner->sendings;

	while (*link != sending)
		link = &(*link)->next;
	*link = sending->next;
}

static void sending_free(struct sending *sending)
{
	resolver_cancel(&sending->resolver);
	smtp_mail_cancel(&sending->mail);
	event_free(sending->timer);
	smtp_url_release(&sending->url);
	free(sending);
}

static void answer(struct sending *sending, const struct failure *failure)
{
	notify_done *done = sending->done;
	void *context = sending->context;

	unlink_sending(sending);
	sending_free(sending);
	done(context, failure);
}

/* Reports the failure that `text` describes. */
static void report_failure(struct sending *sending)
{
	char text[TEXT_SIZE];

	memcpy(text, sending->text, sizeof text);
	answer(sending, &(struct failure){FAILURE_RETRY, text});
}

static void on_mail_done(void *context, const struct failure *failure)
{
	struct sending *sending = context;

	sending->mail = NULL;
	answer(sending, failure);
}

/* ---- the server's addresses are known ---- */

/* The rest of the time for the whole mail. */
static long left_ms(const struct sending *sending)
{
	int64_t left = sending->begun_ms + sending->owner->config.whole_ms - monotonic_ms();

	return left > 1 ? (long)left : 1;
}

static void send_mail(struct sending *sending, const struct addrinfo *addresses)
{
	const struct smtp_config *config = &sending->owner->config;
	char *text = mail_text(sending->notification, config->from, (time_t)(wall_clock_us() / 1000000));

	sending->mail = smtp_mail_start(config->base,
					&(struct smtp_order){
						.url = &sending->url,
						.addresses = addresses,
						.tls = config->tls,
						.ca_file = config->ca_file,
						.from = config->from,
						.to = sending->notification->recipient,
						.text = text,
						.connect_ms = config->connect_ms,
						.whole_ms = left_ms(sending),
					},
					on_mail_done, sending);
	free(text);
}

static void on_addresses(void *context, struct addrinfo *addresses, const char *error)
{
	struct sending *sending = context;

	sending->resolver = NULL;
	event_del(sending->timer);
	if (addresses) {
		send_mail(sending, addresses);
		freeaddrinfo(addresses);
		return;
	}
	utf8_format(sending->text, sizeof sending->text, "%s: host not found: %s", sending->url.server,
		    error);
	report_failure(sending);
}

/* ---- the beginning ---- */

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	report_failure(context);
}

static void set_timer(struct sending *sending, int ms)
{
	const struct timeval delay = {ms / 1000, ms % 1000 * 1000};

	evtimer_add(sending->timer, &delay);
}

/* The URL is read for every mail, since the password may have been rotated. */
static bool read_url(struct sending *sending)
{
	struct arena *arena = arena_new(1024);
	const char *error;
	bool is_read = smtp_url_read(&sending->url, &sending->owner->config.url, arena, &error);

	if (!is_read)
		utf8_format(sending->text, sizeof sending->text, "%s", error);
	arena_free(&arena);
	return is_read;
}

static void notify(struct notifier *port, const struct notification *notification, notify_done *done,
		   void *context)
{
	struct smtp_notifier *notifier = (struct smtp_notifier *)port;
	struct sending *sending = must_alloc(sizeof *sending);

	*sending = (struct sending){.next = notifier->sendings,
				    .owner = notifier,
				    .notification = notification,
				    .done = done,
				    .context = context,
				    .begun_ms = monotonic_ms()};
	notifier->sendings = sending;
	sending->timer = must(evtimer_new(notifier->config.base, on_timer, sending));
	if (!read_url(sending)) {
		set_timer(sending, 0);
		return;
	}
	utf8_format(sending->text, sizeof sending->text, "%s: host not found: the look-up takes too long",
		    sending->url.server);
	set_timer(sending, notifier->config.connect_ms);
	sending->resolver = resolver_start(notifier->config.base, sending->url.host, sending->url.port,
					   on_addresses, sending);
}

/* ---- its life ---- */

struct notifier *smtp_notifier_new(const struct smtp_config *config)
{
	static const struct notifier_ops ops = {notify};
	struct smtp_notifier *notifier = must_alloc(sizeof *notifier);

	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		must(NULL);
	notifier->config = *config;
	notifier->notifier = (struct notifier){
		.ops = &ops,
		.at_once = SMTP_AT_ONCE,
		.longest_ms = config->whole_ms,
		.needs_stock = true,
		.recipients = config->recipients,
		.recipient_count = config->recipient_count,
	};
	return &notifier->notifier;
}

void smtp_notifier_free(struct notifier **port)
{
	struct smtp_notifier *notifier = (struct smtp_notifier *)*port;

	if (!notifier)
		return;
	for (struct sending *next, *it = notifier->sendings; it; it = next) {
		next = it->next;
		sending_free(it);
	}
	free(notifier);
	curl_global_cleanup();
	*port = NULL;
}
