/* The mail server's URL: smtp://[user:password@]host[:port], or smtps:// for TLS from the first byte on. */
#ifndef ALLOCD_ADAPTERS_SMTP_SMTP_URL_H
#define ALLOCD_ADAPTERS_SMTP_SMTP_URL_H

#include "adapters/system/url_source.h"

#include <stdbool.h>
#include <stdint.h>

#define SMTP_HOST_MAX   255
#define SMTP_SERVER_MAX (SMTP_HOST_MAX + 16)

struct smtp_url {
	bool tls;   /* smtps:// */
	char *host; /* a name, or an address without brackets */
	uint16_t port;
	char *user, *password;        /* both or neither; decoded */
	char server[SMTP_SERVER_MAX]; /* "host:port", for people */
};

/*
 * False, with nothing to release, when the text is not such a URL or could be read in more than one way;
 * *error is then a constant that says what is wrong and repeats no part of the text.
 */
bool smtp_url_parse(struct smtp_url *url, const char *text, const char **error);

/* Reads the current URL; *error names the setting, and lives in `arena`. */
bool smtp_url_read(struct smtp_url *url, const struct url_source *source, struct arena *arena,
		   const char **error);

/* Overwrites the password. */
void smtp_url_release(struct smtp_url *url);

#endif
