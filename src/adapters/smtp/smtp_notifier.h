/* The notifier port by mail: each notification, with its recipient and its stock, is one mail. */
#ifndef ALLOCD_ADAPTERS_SMTP_SMTP_NOTIFIER_H
#define ALLOCD_ADAPTERS_SMTP_SMTP_NOTIFIER_H

#include "adapters/system/url_source.h"
#include "bus/ports/notifier.h"

struct event_base;

/*
 * When smtp:// uses TLS; smtps:// always does.  Certificates and their names are always verified.
 */
enum smtp_tls {
	SMTP_TLS_AUTO, /* STARTTLS when it is offered; a password is sent to another machine only with it */
	SMTP_TLS_REQUIRED, /* nothing is sent without STARTTLS */
	SMTP_TLS_OFF,      /* everything is sent as plain text, the password included */
};

/* All pointers outlive the notifier. */
struct smtp_config {
	struct event_base *base;
	struct url_source url; /* read for every mail */
	enum smtp_tls tls;
	const char *from;
	const char *const *recipients;
	size_t recipient_count;
	const char *ca_file;      /* further authorities besides the system's, or NULL */
	int connect_ms, whole_ms; /* how long a connection, and a mail, may take */
};

/* How many mails are in flight at a time. */
#define SMTP_AT_ONCE 2

struct notifier *smtp_notifier_new(const struct smtp_config *config);

/*
 * Aborts the mails in flight without calling their callbacks.  Accepts NULL in *notifier and nulls it.
 */
void smtp_notifier_free(struct notifier **notifier);

#endif
