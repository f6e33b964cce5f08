/* Encodings of mail. */
#include "adapters/smtp/mail_format.h"

#include "core/base/utf8.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>

#define LINE_MAX_COLUMNS 76 /* of a header field, and of a body's line, its soft end included */

/* The bytes of text in one encoded word, few enough that it fits after the name of a field. */
#define WORD_BYTES 39

/* ---- header fields ---- */

static bool is_ascii(const char *text)
{
	for (; *text; text++) {
		if (*text < ' ' || *text > '~')
			return false;
	}
	return true;
}

/* Decoders drop the blank between two encoded words. */
static void write_encoded(FILE *out, const char *text)
{
	unsigned char encoded[4 * ((WORD_BYTES + 2) / 3) + 1];
	size_t left = strlen(text);

	while (left) {
		size_t size = utf8_cut(text, left, WORD_BYTES);

		EVP_EncodeBlock(encoded, (const unsigned char *)text, (int)size);
		fprintf(out, "=?UTF-8?B?%s?=", (const char *)encoded);
		text += size;
		left -= size;
		if (left)
			fputs("\r\n ", out);
	}
}

void mail_write_field(FILE *out, const char *name, const char *text)
{
	bool fits = strlen(name) + 2 + strlen(text) <= LINE_MAX_COLUMNS;

	fprintf(out, "%s: ", name);
	if (fits && is_ascii(text) && !strstr(text, "=?"))
		fputs(text, out);
	else
		write_encoded(out, text);
	fputs("\r\n", out);
}

/* strftime() would write the names in the language of the locale. */
void mail_write_date(FILE *out, time_t now)
{
	static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	struct tm date;

	gmtime_r(&now, &date);
	fprintf(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[date.tm_wday], date.tm_mday,
		months[date.tm_mon], date.tm_year + 1900, date.tm_hour, date.tm_min, date.tm_sec);
}

/* ---- the body ---- */

/* Mail servers may strip a blank at the end of a line, so that one is encoded. */
static bool is_literal(const char *at)
{
	if (*at == ' ')
		return at[1] && at[1] != '\n';
	return *at > ' ' && *at <= '~' && *at != '=';
}

void mail_write_body(FILE *out, const char *text)
{
	int column = 0;

	for (; *text; text++) {
		int width = is_literal(text) ? 1 : 3;

		if (*text == '\n') {
			fputs("\r\n", out);
			column = 0;
			continue;
		}
		if (column + width > LINE_MAX_COLUMNS - 1) {
			fputs("=\r\n", out);
			column = 0;
		}
		if (width == 1)
			fputc(*text, out);
		else
			fprintf(out, "=%02X", (unsigned)(unsigned char)*text);
		column += width;
	}
}
