/*
 * How mail is written: header fields of RFC 5322 with what is not ASCII as RFC 2047 has it, and bodies as
 * quoted-printable (RFC 2045), so that any server takes them and no line is too long.
 */
#ifndef ALLOCD_ADAPTERS_SMTP_MAIL_FORMAT_H
#define ALLOCD_ADAPTERS_SMTP_MAIL_FORMAT_H

#include "core/base/arena.h"

#include <stdio.h>
#include <time.h>

/* A field of any printable text.  It is folded where it is long. */
void mail_write_field(FILE *out, const char *name, const char *text);

void mail_write_date(FILE *out, time_t now);

/* Lines end with \n in the text, and with CRLF in the mail. */
void mail_write_body(FILE *out, const char *text);

#endif
