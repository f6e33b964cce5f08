/*
 * Settings: the first byte of an input is the tag of a kind of text, the rest is the text.
 *
 * Judges: a URL that is written anew from its parts has the same parts; libpq accepts what is accepted for
 * it; settings that are printed are read again as they were; and no password is shown.
 */
#include "adapters/postgres/postgres.h"
#include "adapters/redis/server/redis_url.h"
#include "adapters/smtp/smtp_url.h"
#include "bus/base/stream_list.h"
#include "core/base/must.h"
#include "core/base/utf8.h"
#include "entrypoints/cli/text.h"
#include "entrypoints/config/config.h"
#include "entrypoints/config/secrets.h"
#include "fuzz.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct arena *arena;

/* ---- passwords ---- */

static size_t count_of(const char *text, const char *word)
{
	size_t count = 0;

	while ((text = strstr(text, word)))
		text++, count++;
	return count;
}

/* A short password, or one that another part of the text repeats, is not looked for. */
static void expect_hidden(const char *text, const char *password)
{
	const char *hidden = secrets_hidden(text, arena);

	if (!password || strlen(password) < 4 || count_of(text, password) != 1)
		return;
	fuzz_expect(!strstr(hidden, password), "a password is shown: %s", hidden);
	fuzz_expect(secrets_present(text), "a password is not seen: %s", text);
}

static void expect_constant(const char *error, const char *text)
{
	fuzz_expect(error && *error, "a refusal without a reason");
	fuzz_expect(strlen(text) < 24 || !strstr(error, text), "a refusal that quotes the text: %s", error);
}

/* ---- URLs ---- */

static const char *percent_encoded(const char *text, const char *plain)
{
	char *encoded = arena_alloc(arena, 3 * strlen(text) + 1), *to = encoded;

	for (; *text; text++)
		if (isalnum((unsigned char)*text) || strchr(plain, *text))
			*to++ = *text;
		else
			to += snprintf(to, 4, "%%%02X", (unsigned char)*text);
	return encoded;
}

static const char *user_part(const char *user, const char *password)
{
	if (!user && !password)
		return "";
	return arena_printf(arena, "%s%s%s@", user ? percent_encoded(user, "") : "", password ? ":" : "",
			    password ? percent_encoded(password, "") : "");
}

static const char *host_part(const char *host, unsigned port)
{
	return arena_printf(arena, strchr(host, ':') || *host == '[' ? "[%s]:%u" : "%s:%u", host, port);
}

static const char *written_anew(const struct redis_url *url)
{
	const char *list = "", *user = user_part(url->user, url->password);

	if (url->path)
		return arena_printf(arena, "redis+unix://%s%s?db=%d", user, percent_encoded(url->path, "/"),
				    url->database);
	if (!url->master)
		return arena_printf(arena, "redis%s://%s%s/%d", url->tls ? "s" : "", user,
				    host_part(url->host, url->port), url->database);
	for (size_t i = 0; i < url->sentinel_count; i++)
		list = arena_printf(arena, "%s%s%s", list, i ? "," : "",
				    host_part(url->sentinels[i].host, url->sentinels[i].port));
	return arena_printf(arena, "redis%s+sentinel://%s%s/%s/%d", url->tls ? "s" : "", user, list,
			    url->master, url->database);
}

/* What is hidden may be no URL any more; if it is one, its password is not a part of the hidden one. */
static void expect_stars_for_redis(const char *text)
{
	struct redis_url url;
	const char *error;

	if (!redis_url_parse(&url, secrets_hidden(text, arena), &error))
		return;
	fuzz_expect(!url.password || !strcmp(url.password, "***"), "a part of a password is shown: %s",
		    url.password);
	redis_url_release(&url);
}

static void read_redis_url(const char *text)
{
	struct redis_url url, again;
	const char *error, *anew;

	if (!redis_url_parse(&url, text, &error)) {
		expect_constant(error, text);
		return;
	}
	expect_hidden(text, url.password);
	expect_stars_for_redis(text);
	fuzz_expect(url.path || url.master || url.port, "a server without a port");
	fuzz_expect(utf8_is_valid(url.address, strlen(url.address)) && *url.address,
		    "an address that is no text");
	anew = written_anew(&url);
	fuzz_expect(redis_url_parse(&again, anew, &error), "%s: %s", anew, error);
	fuzz_expect(redis_url_is_same(&url, &again), "another server: %s", anew);
	redis_url_release(&again);
	redis_url_release(&url);
}

static bool is_same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static void read_smtp_url(const char *text)
{
	struct smtp_url url, again;
	const char *error, *anew;

	if (!smtp_url_parse(&url, text, &error)) {
		expect_constant(error, text);
		return;
	}
	expect_hidden(text, url.password);
	anew = arena_printf(arena, "smtp%s://%s%s", url.tls ? "s" : "", user_part(url.user, url.password),
			    host_part(url.host, url.port));
	fuzz_expect(smtp_url_parse(&again, anew, &error), "%s: %s", anew, error);
	fuzz_expect(url.tls == again.tls && url.port == again.port && is_same_text(url.host, again.host) &&
			    is_same_text(url.user, again.user) && is_same_text(url.password, again.password),
		    "another server: %s", anew);
	smtp_url_release(&again);
	smtp_url_release(&url);
}

static bool ends_with_stars(const char *hidden)
{
	size_t length = strlen(hidden);

	return length >= 3 && !strcmp(hidden + length - 3, "***");
}

/* Where the rest was hidden, too, libpq may find an open quote; and where more of a URL was, another URL. */
static void expect_stars_for_libpq(const char *text)
{
	const char *hidden = secrets_hidden(text, arena);
	PQconninfoOption *options = PQconninfoParse(hidden, NULL);

	fuzz_expect(options || ends_with_stars(hidden) || !strncmp(text, "postgres", 8),
		    "libpq reads no more what is hidden: %s", hidden);
	for (const PQconninfoOption *option = options; option && option->keyword; option++)
		fuzz_expect(!strstr(option->keyword, "password") || !option->val || !*option->val ||
				    !strcmp(option->val, "***"),
			    "a part of a password is shown: %s", option->val);
	PQconninfoFree(options);
}

/* A text without a = or a scheme is the name of a database, which libpq does not parse. */
static void read_conninfo(const char *text)
{
	const char *defect = postgres_conninfo_defect(text);
	PQconninfoOption *options;

	if (defect) {
		expect_constant(defect, text);
		return;
	}
	if (!strchr(text, '=') && !strstr(text, "://"))
		return;
	options = PQconninfoParse(text, NULL);
	fuzz_expect(options, "libpq refuses what is accepted: %s", text);
	for (const PQconninfoOption *option = options; option->keyword; option++)
		if (strstr(option->keyword, "password"))
			expect_hidden(text, option->val);
	PQconninfoFree(options);
	expect_stars_for_libpq(text);
}

/* ---- lists and numbers ---- */

static void read_streams(const char *text)
{
	struct stream_list list, again;
	const char *joined = "";

	if (!stream_list_parse(text, &list, arena))
		return;
	fuzz_expect(list.count <= STREAMS_MAX && list.range_first + list.range_count <= list.count,
		    "more streams than there are");
	for (size_t i = 0; i < list.count; i++) {
		fuzz_expect(*list.names[i], "a stream without a name");
		for (size_t j = 0; j < i; j++)
			fuzz_expect(strcmp(list.names[i], list.names[j]) != 0, "a stream twice: %s",
				    list.names[i]);
		joined = arena_printf(arena, "%s%s%s", joined, i ? "," : "", list.names[i]);
	}
	if (!list.count)
		return;
	fuzz_expect(stream_list_place(&list, "LAMP") < list.count, "a SKU without a stream");
	fuzz_expect(stream_list_may_become(&list, &list), "a list that must not stay as it is");
	if (list.range_count || strpbrk(joined, "[]"))
		return;
	fuzz_expect(stream_list_parse(joined, &again, arena) && again.count == list.count,
		    "the names alone are another list: %s", joined);
}

static bool is_number(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

static void read_numbers(const char *text)
{
	int64_t number = 0, ms = 0, seconds = 0;
	char *end;
	long long expected;
	double real;

	errno = 0;
	expected = strtoll(text, NULL, 10);
	fuzz_expect(text_to_number(text, &number) == (is_number(text) && !errno), "a number or not: %s",
		    text);
	fuzz_expect(!number || number == expected, "another number: %s", text);
	if (text_to_ms(text, &ms)) {
		real = strtod(text, &end) * 1000;
		fuzz_expect(!*end && ms >= 0 && real - (double)ms < 0.5 && (double)ms - real < 0.5,
			    "%" PRId64 " ms: %s", ms, text);
	}
	if (text_to_age(text, &seconds)) {
		expected = strtoll(text, &end, 10);
		fuzz_expect(strlen(end) <= 1 && strchr("smhd", *end) && seconds >= expected &&
				    seconds / 86400 <= expected,
			    "%" PRId64 " s: %s", seconds, text);
	}
}

/* ---- all settings together ---- */

#define LINES_MAX 16

static bool is_setting(const char *line)
{
	size_t length = strcspn(line, "=");

	for (size_t i = 0; i < settings_count; i++)
		if (strlen(settings[i].variable) == length && !memcmp(settings[i].variable, line, length))
			return line[length];
	return false;
}

/* A line is VARIABLE=VALUE.  Other variables are left out, among them those that name a file to read. */
static void read_lines(char *text, const char *environment[])
{
	size_t count = 0;

	for (char *line = strtok(text, "\n"); line && count < LINES_MAX; line = strtok(NULL, "\n"))
		if (is_setting(line))
			environment[count++] = line;
	environment[count] = NULL;
}

static struct faults load(struct config *config, const char *const environment[])
{
	struct faults faults = {.arena = arena};

	config_load(config, arena, environment, NULL, 0, &faults);
	return faults;
}

static char *printed(const struct config *config, void (*print)(const struct config *, FILE *))
{
	char *text;
	size_t size;
	FILE *out = must(open_memstream(&text, &size));

	print(config, out);
	fclose(out);
	return text;
}

/* NAME=VALUE as sh reads it: in double quotes a backslash protects one character. */
static const char *variable_of(const char *line)
{
	size_t name = strcspn(line, "=") + 1;
	char *variable = arena_strdup(arena, line), *to = variable + name;

	if (line[name] != '"')
		return variable;
	for (const char *from = line + name + 1; *from != '"'; from++) {
		from += *from == '\\';
		fuzz_expect(*from, "quotes that do not end: %s", line);
		*to++ = *from;
	}
	*to = '\0';
	return variable;
}

/* Most settings have the line that they had in the input before, which is not read once more. */
static void check_json(char *lines)
{
	static char *before[SETTINGS_MAX];
	size_t i = 0;

	for (char *line = strtok(lines, "\n"); line; line = strtok(NULL, "\n"), i++) {
		json_t *object;

		fuzz_expect(i < settings_count, "more lines than settings: %s", line);
		if (before[i] && !strcmp(before[i], line))
			continue;
		object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
		fuzz_expect(json_is_object(object), "no JSON: %s", line);
		json_decref(object);
		free(before[i]);
		before[i] = must(strdup(line));
	}
}

/* The variables that are printed; those of defaults, which are always the same, the first time alone. */
static void read_printed(char *text, const struct config *config, const char *environment[])
{
	static bool are_defaults_read;
	size_t count = 0, used = 0;

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (*line == '#')
			continue;
		fuzz_expect(count < settings_count, "more variables than settings: %s", line);
		if (config->given[count++].origin != FROM_DEFAULT || !are_defaults_read)
			environment[used++] = variable_of(line);
	}
	environment[used] = NULL;
	fuzz_expect(count == settings_count, "%zu settings are printed", count);
	are_defaults_read = true;
}

static void check_print(const struct config *config)
{
	const char *environment[SETTINGS_MAX + 1];
	char *text = printed(config, config_print), *json = printed(config, config_print_json);
	struct config again;

	read_printed(text, config, environment);
	load(&again, environment);
	for (size_t i = 0; i < settings_count; i++)
		fuzz_expect(settings[i].secret || !strcmp(config->given[i].text, again.given[i].text),
			    "%s is read otherwise", settings[i].variable);
	check_json(json);
	free(text);
	free(json);
}

static void read_settings(char *text)
{
	static struct config config;
	const char *environment[LINES_MAX + 1];
	struct faults faults;

	read_lines(text, environment);
	faults = load(&config, environment);
	for (size_t i = 0; i < faults.count; i++)
		fuzz_expect(text_is_printable(faults.texts[i]), "a fault that is no line: %s",
			    faults.texts[i]);
	if (!faults.count)
		check_print(&config);
}

/* ---- */

static void read_any(uint8_t tag, char *text)
{
	switch (tag) {
	case 'r':
		read_redis_url(text);
		break;
	case 'm':
		read_smtp_url(text);
		break;
	case 'p':
		read_conninfo(text);
		break;
	case 's':
		read_streams(text);
		break;
	case 'n':
		read_numbers(text);
		break;
	case 'e':
		read_settings(text);
		break;
	default:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (!size)
		return 0;
	arena = arena ? arena : arena_new((size_t)64 * 1024);
	arena_clear(arena);
	text = must_alloc(size);
	memcpy(text, data + 1, size - 1);
	read_any(data[0], text);
	free(text);
	return 0;
}
