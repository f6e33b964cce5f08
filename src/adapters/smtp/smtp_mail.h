/*
 * One mail to one recipient, by libcurl in a thread of its own.
 *
 * libcurl's multi interface would block the event loop: in Debian 12 (7.88) it waits for the answer to a
 * mail's content, and to QUIT, within one call.  The thread does no look-up, so it ends at once when
 * its sockets are shut down.
 */
#ifndef ALLOCD_ADAPTERS_SMTP_SMTP_MAIL_H
#define ALLOCD_ADAPTERS_SMTP_SMTP_MAIL_H

#include "adapters/smtp/smtp_notifier.h"
#include "adapters/smtp/smtp_url.h"
#include "bus/ports/failure.h"

#include <stdbool.h>

struct addrinfo;
struct event_base;
struct smtp_mail;

/* All of it is copied. */
struct smtp_order {
	const struct smtp_url *url;
	const struct addrinfo *addresses; /* of the URL's host */
	enum smtp_tls tls;
	const char *ca_file; /* or NULL */
	const char *from, *to;
	const char *text; /* the mail, with CRLF */
	long connect_ms, whole_ms;
};

/*
 * `failure` is NULL when the server accepted the mail; it is valid during the call.  The mail is freed
 * before.
 */
typedef void smtp_mail_done(void *context, const struct failure *failure);

/* Calls `done` once, from the event loop. */
struct smtp_mail *smtp_mail_start(struct event_base *base, const struct smtp_order *order,
				  smtp_mail_done *done, void *context);

/* Aborts the mail without calling `done`.  Accepts NULL in *mail and nulls it. */
void smtp_mail_cancel(struct smtp_mail **mail);

#endif
