/* libcurl parses the URL; texts that can be read in two ways are refused before. */
#include "adapters/smtp/smtp_url.h"

#include "core/base/must.h"
#include "core/base/utf8.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

static const char not_a_url[] =
	"it is smtp://[user:password@]host[:port], or smtps:// for TLS from the start";

static bool begins_with(const char *text, const char *beginning)
{
	return strncmp(text, beginning, strlen(beginning)) == 0;
}

static bool has_broken_escape(const char *text)
{
	while ((text = strchr(text, '%'))) {
		if (!isxdigit((unsigned char)text[1]) || !isxdigit((unsigned char)text[2]) ||
		    begins_with(text, "%00"))
			return true;
		text += 3;
	}
	return false;
}

/* Returns the error in the text after the scheme, or NULL. */
static const char *defect_of(const char *authority)
{
	const char *at = strchr(authority, '@'), *host = at ? at + 1 : authority;

	for (const char *sign = authority; *sign; sign++) {
		if (*sign <= ' ' || *sign > '~')
			return "it is in ASCII, without blanks; other characters of a password are written as %XX";
	}
	if (at && strchr(at + 1, '@'))
		return "it has one @; an @ in a password is written %40";
	if (strpbrk(authority, "/?#"))
		return "it ends with the port; in a password a / is written %2F, a ? %3F, and a # %23";
	if (has_broken_escape(authority))
		return "two hexadecimal digits (not 00) follow a %; a % itself is written %25";
	if (strchr(host, '%'))
		return "the host has no %";
	return NULL;
}

/* A copy of a part of the URL for free(), or NULL when the URL has none. */
static char *part_of(CURLU *parsed, CURLUPart part, unsigned flags)
{
	char *text = NULL, *copy = NULL;

	if (curl_url_get(parsed, part, &text, flags) == CURLUE_OK && *text)
		copy = must(strdup(text));
	if (text)
		explicit_bzero(text, strlen(text));
	curl_free(text);
	return copy;
}

/* The host, without the brackets of an IPv6 address. */
static char *host_of(CURLU *parsed)
{
	char *host = part_of(parsed, CURLUPART_HOST, 0);
	size_t size = host ? strlen(host) : 0;

	if (size > 2 && host[0] == '[') {
		memmove(host, host + 1, size - 2);
		host[size - 2] = '\0';
	}
	return host;
}

static const char *copy_parts(struct smtp_url *url, CURLU *parsed)
{
	char *port = part_of(parsed, CURLUPART_PORT, CURLU_DEFAULT_PORT);

	url->port = (uint16_t)(port ? atoi(port) : 0);
	free(port);
	url->host = host_of(parsed);
	url->user = part_of(parsed, CURLUPART_USER, CURLU_URLDECODE);
	url->password = part_of(parsed, CURLUPART_PASSWORD, CURLU_URLDECODE);
	if (!url->host || strlen(url->host) > SMTP_HOST_MAX || !url->port)
		return not_a_url;
	if (!url->user != !url->password)
		return "it names both a user and a password, or neither";
	return NULL;
}

static const char *parse(struct smtp_url *url, const char *text)
{
	const char *error;
	CURLU *parsed;

	url->tls = begins_with(text, "smtps://");
	if (!url->tls && !begins_with(text, "smtp://"))
		return not_a_url;
	error = defect_of(strstr(text, "://") + 3);
	if (error)
		return error;
	parsed = must(curl_url());
	error = curl_url_set(parsed, CURLUPART_URL, text, 0) ? not_a_url : copy_parts(url, parsed);
	curl_url_cleanup(parsed);
	return error;
}

bool smtp_url_parse(struct smtp_url *url, const char *text, const char **error)
{
	*url = (struct smtp_url){0};
	*error = parse(url, text);
	if (*error)
		smtp_url_release(url);
	else
		utf8_format(url->server, sizeof url->server, strchr(url->host, ':') ? "[%s]:%u" : "%s:%u",
			    url->host, url->port);
	return !*error;
}

bool smtp_url_read(struct smtp_url *url, const struct url_source *source, struct arena *arena,
		   const char **error)
{
	const char *text = source->read(source->context, arena, error);

	*url = (struct smtp_url){0};
	if (!text)
		return false;
	if (smtp_url_parse(url, text, error))
		return true;
	*error = arena_printf(arena, "ALLOCD_SMTP_URL: %s", *error);
	return false;
}

void smtp_url_release(struct smtp_url *url)
{
	if (url->password)
		explicit_bzero(url->password, strlen(url->password));
	free(url->host);
	free(url->user);
	free(url->password);
	*url = (struct smtp_url){0};
}
