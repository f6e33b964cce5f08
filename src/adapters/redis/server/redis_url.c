/*
 * Parses a REDIS_URL from left to right.  Errors quote no part of it: after one misplaced character any part
 * may be the password.
 */
#include "adapters/redis/server/redis_url.h"

#include "core/base/must.h"
#include "core/base/utf8.h"

#include <ctype.h>
#include <event2/http.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define DEFAULT_PORT    6379
#define SENTINEL_PORT   26379
#define SOCKET_PATH_MAX (sizeof((struct sockaddr_un *)NULL)->sun_path - 1)

/* A part of the URL, not decoded. */
struct part {
	const char *text;
	size_t size;
};

/* ---- parts ---- */

static struct part part(const char *begin, const char *end)
{
	return (struct part){begin, (size_t)(end - begin)};
}

/* Cuts the text before the first of the signs off `rest`, which then begins with that sign or is empty. */
static struct part cut_until(struct part *rest, const char *signs)
{
	const char *begin = rest->text, *end = begin + rest->size;

	while (rest->text < end && !strchr(signs, *rest->text))
		rest->text++;
	rest->size = (size_t)(end - rest->text);
	return part(begin, rest->text);
}

/* Cuts the prefix off, if it is there. */
static bool cut(struct part *rest, const char *prefix)
{
	size_t size = strlen(prefix);

	if (rest->size < size || memcmp(rest->text, prefix, size) != 0)
		return false;
	*rest = (struct part){rest->text + size, rest->size - size};
	return true;
}

static bool parse_number(struct part text, int max, int *number)
{
	*number = 0;
	for (size_t i = 0; i < text.size; i++) {
		int digit = text.text[i] - '0';

		if (digit < 0 || digit > 9 || *number > (max - digit) / 10)
			return false;
		*number = *number * 10 + digit;
	}
	return text.size > 0;
}

/* Whether two hexadecimal digits follow each %, but not 00, which a C string cannot hold. */
static bool is_percent_encoded(const char *text)
{
	while ((text = strchr(text, '%'))) {
		if (!isxdigit((unsigned char)text[1]) || !isxdigit((unsigned char)text[2]) ||
		    !strncmp(text, "%00", 3))
			return false;
		text += 3;
	}
	return true;
}

/* Returns NULL for a malformed text. */
static char *percent_decode(struct part text)
{
	char *encoded = must(strndup(text.text, text.size));
	char *decoded = is_percent_encoded(encoded) ? must(evhttp_uridecode(encoded, 0, NULL)) : NULL;

	free(encoded);
	return decoded;
}

/* ---- each part in turn: returns NULL, or the error ---- */

/* What the URL names, by its scheme. */
enum place { PLACE_HOST, PLACE_SOCKET, PLACE_SENTINELS };

static const struct {
	const char *scheme;
	enum place place;
	bool tls;
} schemes[] = {
	{"redis://", PLACE_HOST, false},
	{"rediss://", PLACE_HOST, true},
	{"redis+unix://", PLACE_SOCKET, false},
	{"redis+sentinel://", PLACE_SENTINELS, false},
	{"rediss+sentinel://", PLACE_SENTINELS, true},
};

static const char *parse_scheme(struct redis_url *url, struct part *rest, enum place *place)
{
	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
		if (!cut(rest, schemes[i].scheme))
			continue;
		url->tls = schemes[i].tls;
		*place = schemes[i].place;
		return NULL;
	}
	return "it begins with redis://, rediss://, redis+unix://, redis+sentinel:// or rediss+sentinel://";
}

/* The last @ ends the userinfo, because passwords are often not encoded. */
static const char *parse_userinfo(struct redis_url *url, struct part *authority)
{
	const char *end = memrchr(authority->text, '@', authority->size);
	struct part userinfo, user;

	if (!end)
		return NULL;
	userinfo = part(authority->text, end);
	*authority = part(end + 1, authority->text + authority->size);
	user = cut_until(&userinfo, ":");
	if (user.size && !(url->user = percent_decode(user)))
		return "in the user, two hexadecimal digits (not 00) follow a %; a % itself is written %25";
	if (cut(&userinfo, ":") && !(url->password = percent_decode(userinfo)))
		return "in the password, two hexadecimal digits (not 00) follow a %; a % itself is written %25";
	if (url->password && !*url->password) {
		free(url->password);
		url->password = NULL;
	}
	return NULL;
}

static const char *parse_host(char **name, struct part *authority)
{
	bool in_brackets = cut(authority, "[");
	struct part host = cut_until(authority, in_brackets ? "]" : ":");

	if (in_brackets && !cut(authority, "]"))
		return "an IPv6 address ends with ]";
	if (!host.size || host.size > REDIS_HOST_MAX)
		return "it names a host of 1 to 255 characters";
	for (size_t i = 0; i < host.size; i++)
		if (host.text[i] <= ' ' || host.text[i] > '~')
			return "the host is a name in ASCII or an address";
	*name = must(strndup(host.text, host.size));
	return NULL;
}

static const char *parse_port(uint16_t *number, struct part authority, int default_port)
{
	bool is_port = !authority.size || cut(&authority, ":");
	int port = default_port;

	if (!is_port || (authority.size && !parse_number(authority, UINT16_MAX, &port)) || !port)
		return "the port is a number from 1 to 65535";
	*number = (uint16_t)port;
	return NULL;
}

/* host:port, with an IPv6 address in brackets. */
static void format_address(char *text, size_t size, const char *host, uint16_t port)
{
	utf8_format(text, size, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
}

static const char *parse_address(struct redis_url *url, struct part authority)
{
	const char *error = parse_host(&url->host, &authority);

	if (!error)
		error = parse_port(&url->port, authority, DEFAULT_PORT);
	if (!error) {
		format_address(url->address, sizeof url->address, url->host, url->port);
		url->origin = must(strdup(url->address));
	}
	return error;
}

static const char *parse_socket(struct redis_url *url, struct part authority, struct part path)
{
	if (authority.size)
		return "a unix socket has no host: redis+unix:///path";
	url->path = percent_decode(path);
	if (!url->path || path.size < 2 || strlen(url->path) > SOCKET_PATH_MAX)
		return "the socket's path has 2 to 107 characters: redis+unix:///path";
	utf8_format(url->address, sizeof url->address, "%s", url->path);
	url->origin = must(strdup(url->path));
	return NULL;
}

static const char *parse_sentinels(struct redis_url *url, struct part authority)
{
	const char *error = NULL;
	bool is_more = true;

	while (!error && is_more) {
		struct part one = cut_until(&authority, ",");
		struct redis_sentinel *sentinel = &url->sentinels[url->sentinel_count];

		if (url->sentinel_count == REDIS_SENTINELS_MAX)
			return "it names at most 16 sentinels";
		error = parse_host(&sentinel->host, &one);
		url->sentinel_count += !error;
		if (!error)
			error = parse_port(&sentinel->port, one, SENTINEL_PORT);
		is_more = cut(&authority, ",");
	}
	return error;
}

/* Sentinel itself allows no other characters, so a misplaced password with an @ is not taken for a name. */
static const char *parse_master(struct redis_url *url, struct part *path)
{
	struct part name = {0};

	if (cut(path, "/"))
		name = cut_until(path, "/");
	for (size_t i = 0; i < name.size; i++)
		if (!isalnum((unsigned char)name.text[i]) && !strchr(".-_", name.text[i]))
			name.size = 0;
	if (!name.size || name.size > REDIS_HOST_MAX)
		return "after the sentinels it names the master, by letters, digits and . - _: "
		       "redis+sentinel://host:26379,host:26379/MASTER/0";
	url->master = must(strndup(name.text, name.size));
	return NULL;
}

static void describe_sentinels(struct redis_url *url)
{
	char *list = must(strdup(""));

	for (size_t i = 0; i < url->sentinel_count; i++) {
		char address[REDIS_ADDRESS_MAX], *longer;

		format_address(address, sizeof address, url->sentinels[i].host, url->sentinels[i].port);
		longer = must_printf("%s%s%s", list, i ? "," : "", address);
		free(list);
		list = longer;
	}
	url->origin = must_printf("%s by sentinels %s", url->master, list);
	free(list);
	utf8_format(url->address, sizeof url->address, "%s", url->origin);
}

/* Cuts the master's name off `path`. */
static const char *parse_watched(struct redis_url *url, struct part authority, struct part *path)
{
	const char *error = parse_sentinels(url, authority);

	if (!error)
		error = parse_master(url, path);
	if (!error)
		describe_sentinels(url);
	return error;
}

static const char *parse_database(struct redis_url *url, struct part path, struct part query)
{
	static const char error[] = "the database is a number: redis://host/0, redis+unix:///path?db=0, "
				    "redis+sentinel://host/MASTER/0; a / in a password is written %2F";

	if (cut(&path, "/") && path.size && !parse_number(path, INT_MAX, &url->database))
		return error;
	if (!cut(&query, "?") || !query.size)
		return NULL;
	if (!cut(&query, "db="))
		return "?db=N is the only parameter";
	return parse_number(query, INT_MAX, &url->database) ? NULL : error;
}

static const char *parse_place(struct redis_url *url, enum place place, struct part authority,
			       struct part *path)
{
	struct part whole = *path;

	switch (place) {
	case PLACE_SOCKET:
		*path = part("", "");
		return parse_socket(url, authority, whole);
	case PLACE_SENTINELS:
		return parse_watched(url, authority, path);
	case PLACE_HOST:
		break;
	}
	return parse_address(url, authority);
}

static const char *parse(struct redis_url *url, struct part rest)
{
	enum place place = PLACE_HOST;
	const char *error = parse_scheme(url, &rest, &place);
	struct part authority = cut_until(&rest, "/?#");
	struct part path = cut_until(&rest, "?#");
	struct part query = cut_until(&rest, "#");

	if (!error && rest.size)
		error = "it has no fragment; a # is written %23";
	if (!error)
		error = parse_userinfo(url, &authority);
	if (!error)
		error = parse_place(url, place, authority, &path);
	if (!error)
		error = parse_database(url, path, query);
	return error;
}

bool redis_url_parse(struct redis_url *url, const char *text, const char **error)
{
	*url = (struct redis_url){0};
	*error = parse(url, (struct part){text, strlen(text)});
	if (*error)
		redis_url_release(url);
	return !*error;
}

bool redis_url_read(struct redis_url *url, const struct url_source *source, struct arena *arena,
		    const char **error)
{
	const char *text = source->read(source->context, arena, error);

	*url = (struct redis_url){0};
	if (!text)
		return false;
	if (redis_url_parse(url, text, error)) {
		url->tls_files = source->tls_files;
		return true;
	}
	*error = arena_printf(arena, "REDIS_URL: %s", *error);
	return false;
}

static bool is_same(const char *left, const char *right)
{
	return left && right ? !strcmp(left, right) : left == right;
}

bool redis_url_is_same(const struct redis_url *left, const struct redis_url *right)
{
	return left->tls == right->tls && is_same(left->origin, right->origin) &&
	       is_same(left->user, right->user) && is_same(left->password, right->password) &&
	       left->database == right->database;
}

void redis_url_redirect(struct redis_url *url, const char *host, uint16_t port)
{
	char *copy = must(strdup(host));

	free(url->host);
	free(url->path);
	url->path = NULL;
	url->host = copy;
	url->port = port;
	format_address(url->address, sizeof url->address, copy, port);
}

bool redis_port_read(const char *text, const char *end, uint16_t *port)
{
	char *stop;
	unsigned long number = strtoul(text, &stop, 10);

	*port = (uint16_t)number;
	return stop > text && stop == end && number > 0 && number <= UINT16_MAX;
}

void redis_url_address(const struct url_source *source, char address[REDIS_ADDRESS_MAX])
{
	struct arena *arena = arena_new(1024);
	struct redis_url url;
	const char *error;
	bool is_read = redis_url_read(&url, source, arena, &error);

	utf8_format(address, REDIS_ADDRESS_MAX, "%s", is_read ? url.address : "REDIS_URL");
	redis_url_release(&url);
	arena_free(&arena);
}

void redis_url_release(struct redis_url *url)
{
	if (url->password)
		explicit_bzero(url->password, strlen(url->password));
	free(url->host);
	free(url->path);
	free(url->master);
	for (size_t i = 0; i < url->sentinel_count; i++)
		free(url->sentinels[i].host);
	free(url->origin);
	free(url->user);
	free(url->password);
	*url = (struct redis_url){0};
}
