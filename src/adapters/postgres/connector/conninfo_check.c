/*
 * Refuses connection strings that libpq would read differently than they look.
 *
 * libpq takes a text with another scheme for the name of a database, ends a URL's user part at the first @
 * or /, and knows no fragment.  A password that was written as it is then becomes a host, a port or the name
 * of a database, and libpq or the server repeats it in an error.  Grammar: libpq's
 * conninfo_uri_parse_options() and parse_connection_string(), fe-connect.c.
 */
#include "adapters/postgres/postgres.h"

#include <libpq-fe.h>
#include <string.h>

static const char expected[] =
	"expected a URL that begins with postgresql://, or keywords and values of libpq";
static const char out_of_memory[] = "cannot be read: out of memory";
static const char percent_needed[] =
	"expected a URL that can be read one way only: in its password @ is written %40, / %2F, ? %3F and # %23";

/* Returns what follows postgresql:// or postgres://; NULL if libpq would not read the text as a URL. */
static const char *after_scheme(const char *text)
{
	static const char *const schemes[] = {"postgresql://", "postgres://"};

	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
		if (!strncmp(text, schemes[i], strlen(schemes[i])))
			return text + strlen(schemes[i]);
	}
	return NULL;
}

/* Accepts names joined by +, as in postgresql+psycopg2, too: RFC 3986, section 3.1. */
static bool begins_with_a_scheme(const char *text)
{
	size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");

	return length > 0 && !strncmp(text + length, "://", 3);
}

/* There is at most one @, before the end of the authority, and no fragment. */
static bool reads_as_it_looks(const char *rest)
{
	const char *at = strchr(rest, '@'), *end = rest + strcspn(rest, "/?#");

	return !strchr(rest, '#') && (!at || (at < end && !strchr(at + 1, '@')));
}

/* A text without "=" or a scheme is a database's name, unless it looks like a part of a URL. */
static bool is_database_name(const char *text)
{
	return !strpbrk(text, ":/@?#%& \t\r\n");
}

/* A socket in the abstract namespace begins with an @; nothing else may hold one. */
static bool is_host_list(const char *hosts)
{
	for (const char *at = hosts; (at = strchr(at, '@')); at++) {
		if (at > hosts && at[-1] != ',')
			return false;
	}
	return !strstr(hosts, "://");
}

static bool is_plausible(const PQconninfoOption *option)
{
	if (!option->val)
		return true;
	if (!strcmp(option->keyword, "host") || !strcmp(option->keyword, "hostaddr"))
		return is_host_list(option->val);
	if (!strcmp(option->keyword, "port"))
		return !option->val[strspn(option->val, "0123456789, ")];
	if (!strcmp(option->keyword, "dbname"))
		return !strchr(option->val, '@') && !strstr(option->val, "://");
	return true;
}

/* Lets libpq parse it, and checks the values for parts of a misread password. */
static const char *parsed_defect(const char *conninfo, const char *implausible)
{
	char *error = NULL;
	PQconninfoOption *options = PQconninfoParse(conninfo, &error);
	const char *defect = options ? NULL : error ? expected : out_of_memory;

	for (const PQconninfoOption *option = options; option && option->keyword; option++) {
		if (!is_plausible(option))
			defect = implausible;
	}
	PQfreemem(error);
	PQconninfoFree(options);
	return defect;
}

const char *postgres_conninfo_defect(const char *conninfo)
{
	const char *rest = after_scheme(conninfo);

	if (rest)
		return reads_as_it_looks(rest) ? parsed_defect(conninfo, percent_needed) : percent_needed;
	if (begins_with_a_scheme(conninfo))
		return expected;
	if (!strchr(conninfo, '='))
		return is_database_name(conninfo) ? NULL : expected;
	return parsed_defect(conninfo, expected);
}
