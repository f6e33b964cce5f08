/* The notifier port by mail: one a notification, which its recipient and its stock are known of. */
#ifndef ALLOCD_ADAPTERS_SMTP_SMTP_NOTIFIER_H
#define ALLOCD_ADAPTERS_SMTP_SMTP_NOTIFIER_H

#include "adapters/system/url_source.h"
#include "bus/ports/notifier.h"

struct event_base;

/*
 * What protects smtp:// on its way; smtps:// is TLS anyway.  Certificates and their names are always
 * verified.
 */
enum smtp_tls {
	SMTP_TLS_AUTO,     /* STARTTLS when it is offered; a password goes to another machine only with it */
	SMTP_TLS_REQUIRED, /* nothing goes without it */
	SMTP_TLS_OFF,      /* all goes as plain text, the password included */
};

/* All that is pointed at outlives the notifier. */
struct smtp_config {
	struct event_base *base;
	struct url_source url; /* read for every mail */
	enum smtp_tls tls;
	const char *from;
	const char *const *recipients;
	size_t recipient_count;
	const char *ca_file;      /* authorities beside the system's; NULL: none */
	int connect_ms, whole_ms; /* how long a connection, and a mail, may take */
};

/* How many mails are under way at a time. */
#define SMTP_AT_ONCE 2

struct notifier *smtp_notifier_new(const struct smtp_config *config);

/*
 * What was not answered is not answered any more; a mail under way is broken off.  Accepts NULL in *notifier
 * and nulls it.
 */
void smtp_notifier_free(struct notifier **notifier);

#endif
