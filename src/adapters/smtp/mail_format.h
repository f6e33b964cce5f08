/*
 * Writes mail: header fields of RFC 5322, with text that is not ASCII encoded by RFC 2047, and bodies as
 * quoted-printable (RFC 2045), so that any server accepts them and no line is too long.
 */
#ifndef ALLOCD_ADAPTERS_SMTP_MAIL_FORMAT_H
#define ALLOCD_ADAPTERS_SMTP_MAIL_FORMAT_H

#include "core/base/arena.h"

#include <stdio.h>
#include <time.h>

/* Writes a field of any printable text, and folds a long one. */
void mail_write_field(FILE *out, const char *name, const char *text);

void mail_write_date(FILE *out, time_t now);

/* Lines that end with \n in the text end with CRLF in the mail. */
void mail_write_body(FILE *out, const char *text);

#endif
