/* The mail about an order line that is out of stock. */
#ifndef ALLOCD_ADAPTERS_SMTP_MAIL_TEXT_H
#define ALLOCD_ADAPTERS_SMTP_MAIL_TEXT_H

#include "bus/ports/notifier.h"
#include "core/base/arena.h"

#include <time.h>

/* The domain of an address, or "localhost" when it has none. */
const char *mail_domain(const char *address);

/*
 * Returns the whole mail, with CRLF at the end of each line; the caller frees it.  The notification names its
 * recipient and its stock.  Every attempt to send a notification has the same Message-ID.
 */
char *mail_text(const struct notification *notification, const char *from, time_t now);

#endif
