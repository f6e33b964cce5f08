/*
 * Finds passwords in connection strings, to hide them.
 *
 * When it is unclear which part is a password, too much is hidden rather than too little.
 */
#include "entrypoints/config/secrets.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* A part of a text, from `start` up to `end`. */
struct secret_span {
	const char *start, *end;
};

/*
 * The text after the scheme of a URL.  NULL when the text is not a URL, although a value in it may be one, as
 * in password='p://x'.
 */
static const char *behind_scheme(const char *text)
{
	const char *end = text;

	while (isalnum((unsigned char)*end) || (*end && strchr("+.-", *end)))
		end++;
	return end > text && strncmp(end, "://", 3) == 0 ? end + 3 : NULL;
}

/*
 * URL://user:PASSWORD@host: up to the last @, because a password that was not encoded may hold one.  A lone
 * word before the @ of a Redis URL is a user to allocd and a password to redis-cli, and that of an HTTP URL
 * is often a token, so both are hidden, too.
 */
static struct secret_span in_user_part(const char *text)
{
	const char *user = behind_scheme(text), *colon, *at;

	if (!user)
		return (struct secret_span){0};
	at = strrchr(user, '@');
	colon = strchr(user, ':');
	if (at && at > user && (!colon || colon > at) &&
	    (!strncmp(text, "redis", 5) || !strncasecmp(text, "http", 4)))
		return (struct secret_span){user, at};
	if (!at || !colon || colon + 1 >= at)
		return (struct secret_span){0};
	return (struct secret_span){colon + 1, at};
}

static const char *skip_blanks(const char *at)
{
	while (isspace((unsigned char)*at))
		at++;
	return at;
}

/* Where libpq's value ends: at the closing quote, or at a blank; a backslash protects the next character. */
static const char *end_of_value(const char *at)
{
	bool quoted = *at == '\'';

	if (quoted)
		at++;
	while (*at && (quoted ? *at != '\'' : !isspace((unsigned char)*at))) {
		if (*at == '\\' && at[1])
			at++;
		at++;
	}
	return quoted && *at ? at + 1 : at;
}

static int hex_value(char digit)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = digit ? strchr(digits, tolower((unsigned char)digit)) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* The character at *at, which a URL may percent-encode; *at advances past it. */
static int next_character(const char **at, bool is_url)
{
	int high = is_url && **at == '%' ? hex_value((*at)[1]) : -1;
	int low = high >= 0 ? hex_value((*at)[2]) : -1;

	if (low < 0)
		return (unsigned char)*(*at)++;
	*at += 3;
	return high * 16 + low;
}

/* The text after the word at `at` if that is "password", in upper or lower case; otherwise NULL. */
static const char *skip_password_word(const char *at, bool is_url)
{
	for (const char *letter = "password"; *letter; letter++) {
		if (tolower(next_character(&at, is_url)) != *letter)
			return NULL;
	}
	return at;
}

/* Whether libpq reads a keyword at that place, and not the value of another one. */
static bool is_keyword(const char *text, const char *place)
{
	const char *at = skip_blanks(text), *end;

	for (; at <= place; at = skip_blanks(end_of_value(skip_blanks(end + 1)))) {
		end = at + strcspn(at, "= \t\n\v\f\r");
		if (place < end)
			return true;
		end = skip_blanks(end);
		if (*end != '=')
			return false;
	}
	return false;
}

/* Within the value of another keyword it is unclear what ends what, so all the rest is hidden. */
static const char *end_of_parameter(const char *text, const char *word, const char *value, bool is_url)
{
	if (is_url)
		return strchrnul(value, '&');
	return is_keyword(text, word) ? end_of_value(value) : strchr(value, '\0');
}

/*
 * password=PASSWORD or sslpassword=PASSWORD, as a URL's parameter or among libpq's keywords, in `rest`, which
 * is the end of `text`.
 */
static struct secret_span in_parameter(const char *text, const char *rest, bool is_url)
{
	for (const char *at = rest; *at; at++) {
		const char *word_end = skip_password_word(at, is_url);
		const char *value = word_end ? skip_blanks(word_end) : "";

		if (*value != '=')
			continue;
		value = is_url ? value + 1 : skip_blanks(value + 1);
		return (struct secret_span){value, end_of_parameter(text, at, value, is_url)};
	}
	return (struct secret_span){0};
}

/* The first password in `rest`, the end of `text` that was not searched yet. */
static struct secret_span next_secret(const char *text, const char *rest, bool is_url)
{
	struct secret_span user = in_user_part(text);

	return user.start && rest == text ? user : in_parameter(text, rest, is_url);
}

/* A quote ends a value without a blank: `password='x'user=u`.  The stars that replace it have no quotes. */
static const char *blank_behind(struct secret_span secret, bool is_url)
{
	bool is_quoted = !is_url && secret.end > secret.start && secret.end[-1] == '\'';

	return is_quoted && *secret.end && !isspace((unsigned char)*secret.end) ? " " : "";
}

const char *secrets_hidden(const char *text, struct arena *arena)
{
	bool is_url = behind_scheme(text);
	const char *shown = "", *rest = text;
	struct secret_span secret;

	while ((secret = next_secret(text, rest, is_url)).start) {
		shown = arena_printf(arena, "%s%.*s***%s", shown, (int)(secret.start - rest), rest,
				     blank_behind(secret, is_url));
		rest = secret.end;
	}
	return arena_printf(arena, "%s%s", shown, rest);
}

bool secrets_present(const char *text)
{
	return next_secret(text, text, behind_scheme(text)).start;
}

bool setting_has_secret(const struct setting *setting, const char *text)
{
	return setting->is_password ? *text : setting->secret && secrets_present(text);
}

const char *setting_without_secret(const struct setting *setting, const char *text, struct arena *arena)
{
	if (setting->is_password)
		return *text ? "***" : "";
	return setting->secret ? secrets_hidden(text, arena) : text;
}
