/* The mail that says that a line is out of stock. */
#ifndef ALLOCD_ADAPTERS_SMTP_MAIL_TEXT_H
#define ALLOCD_ADAPTERS_SMTP_MAIL_TEXT_H

#include "bus/ports/notifier.h"
#include "core/base/arena.h"

#include <time.h>

/* The domain of an address, or "localhost" when it has none. */
const char *mail_domain(const char *address);

/*
 * The whole mail, with CRLF at the end of each line, for free().  The notification names its recipient and
 * its stock.  Whenever the same notification is sent it has the same Message-ID.
 */
char *mail_text(const struct notification *notification, const char *from, time_t now);

#endif
