/*
 * Whether a mail by smtp:// needs STARTTLS: a password leaves this machine as plain text only with
 * SMTP_TLS_OFF.
 */
#ifndef ALLOCD_ADAPTERS_SMTP_SMTP_TLS_H
#define ALLOCD_ADAPTERS_SMTP_SMTP_TLS_H

#include "adapters/smtp/smtp_notifier.h"

#include <stdbool.h>

struct addrinfo;

enum smtp_need { SMTP_NO_TLS, SMTP_TLS_WHEN_OFFERED, SMTP_TLS_OR_NOTHING };

/* `addresses` are all that may be used to reach the server. */
enum smtp_need smtp_need_of_tls(enum smtp_tls tls, bool has_password, const struct addrinfo *addresses);

#endif
