/* The table of settings, and the functions that parse their values. */
#include "entrypoints/config/settings.h"

#include "entrypoints/cli/text.h"
#include "entrypoints/config/config.h"
#include "entrypoints/config/secret_file.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static int longest_text(const struct setting *setting)
{
	return setting->max ? setting->max : SETTING_TEXT_MAX;
}

static bool parse_text(const struct setting *setting, const char *text, void *place, struct arena *arena)
{
	(void)arena;
	if (!text_is_printable(text) || strlen(text) > (size_t)longest_text(setting))
		return false;
	*(const char **)place = text;
	return true;
}

static const char *accepts_text(const struct setting *setting, struct arena *arena)
{
	return arena_printf(arena, "up to %d bytes of UTF-8 without control characters",
			    longest_text(setting));
}

static bool is_among(const char *text, const char *const *texts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(texts[i], text) == 0)
			return true;
	}
	return false;
}

static bool parse_streams(const struct setting *setting, const char *text, void *place, struct arena *arena)
{
	(void)setting;
	return text_is_printable(text) && strlen(text) <= SETTING_TEXT_MAX &&
	       stream_list_parse(text, place, arena);
}

static const char *accepts_streams(const struct setting *setting, struct arena *arena)
{
	(void)setting;
	return arena_printf(
		arena,
		"up to %d different names separated by commas, one of them perhaps with a range, such as "
		"commands[0-7], or nothing to read no stream",
		STREAMS_MAX);
}

static bool parse_number(const struct setting *setting, const char *text, void *place, struct arena *arena)
{
	int64_t number;

	(void)arena;
	if (!text_to_number(text, &number) || number < setting->min || number > setting->max)
		return false;
	*(int32_t *)place = (int32_t)number;
	return true;
}

static const char *accepts_number(const struct setting *setting, struct arena *arena)
{
	return arena_printf(arena, "a whole number from %d to %d", setting->min, setting->max);
}

static bool parse_choice(const struct setting *setting, const char *text, void *place, struct arena *arena)
{
	(void)arena;
	for (int i = 0; setting->choices[i]; i++) {
		if (strcmp(text, setting->choices[i]) == 0) {
			*(int *)place = i;
			return true;
		}
	}
	return false;
}

static const char *accepts_choice(const struct setting *setting, struct arena *arena)
{
	const char *words = setting->choices[0];

	for (int i = 1; setting->choices[i]; i++)
		words = arena_printf(arena, "%s%s%s", words, setting->choices[i + 1] ? ", " : " or ",
				     setting->choices[i]);
	return words;
}

/* Splits HOST:PORT; an IPv6 address is in brackets, which `host` omits. */
static bool split_address(const char *text, struct arena *arena, const char **host, int64_t *port)
{
	const char *colon = strrchr(text, ':');
	size_t length;

	if (!colon || colon == text || !text_to_number(colon + 1, port) || *port > UINT16_MAX)
		return false;
	length = (size_t)(colon - text);
	if (text[0] == '[' && length > 2 && text[length - 1] == ']') {
		text++;
		length -= 2;
	} else if (memchr(text, ':', length)) {
		return false;
	}
	*host = arena_printf(arena, "%.*s", (int)length, text);
	return text_is_printable(*host) && !strpbrk(*host, " /@[]");
}

static bool parse_listen(const struct setting *setting, const char *text, void *place, struct arena *arena)
{
	struct listen_address *address = place;
	int64_t port;

	(void)setting;
	*address = (struct listen_address){0};
	if (!text[0])
		return true;
	if (strlen(text) > SETTING_TEXT_MAX || !split_address(text, arena, &address->host, &port))
		return false;
	address->port = (uint16_t)port;
	return true;
}

static const char *accepts_listen(const struct setting *setting, struct arena *arena)
{
	(void)setting;
	(void)arena;
	return "HOST:PORT, such as 127.0.0.1:5005 or [::1]:5005, or nothing to turn HTTP off";
}

/* ---- mail ---- */

/* The characters that both parts of an address may hold without quotes. */
static const char address_signs[] =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~.[]:";

static bool is_address(const char *text)
{
	const char *at = strchr(text, '@');
	size_t length = strlen(text);

	return at && at > text && at[1] && length <= ADDRESS_MAX &&
	       strspn(text, address_signs) == (size_t)(at - text) &&
	       strspn(at + 1, address_signs) == length - (size_t)(at + 1 - text);
}

static bool parse_address(const struct setting *setting, const char *text, void *place, struct arena *arena)
{
	(void)setting;
	(void)arena;
	*(const char **)place = text;
	return !text[0] || is_address(text);
}

static const char *accepts_address(const struct setting *setting, struct arena *arena)
{
	(void)setting;
	(void)arena;
	return "an address such as allocd@example.com, in ASCII and without a name before it";
}

/* Addresses separated by commas, each once; blanks around them are ignored. */
static bool parse_recipients(const struct setting *setting, const char *text, void *place,
			     struct arena *arena)
{
	struct recipient_list *list = place;

	(void)setting;
	*list = (struct recipient_list){0};
	while (*text || list->count) {
		size_t length;
		const char *address;

		text += strspn(text, " ");
		length = strcspn(text, " ,");
		address = arena_printf(arena, "%.*s", (int)length, text);
		text += length;
		text += strspn(text, " ");
		if (list->count == RECIPIENTS_MAX || !is_address(address) ||
		    is_among(address, list->addresses, list->count) || (*text && *text != ','))
			return false;
		list->addresses[list->count++] = address;
		if (!*text++)
			return true;
	}
	return true;
}

static const char *accepts_recipients(const struct setting *setting, struct arena *arena)
{
	return arena_printf(arena, "up to %d different addresses separated by commas; each is %s",
			    RECIPIENTS_MAX, accepts_address(setting, arena));
}

static const char *const mail_tls[] = {
	[MAIL_TLS_AUTO] = "auto", [MAIL_TLS_REQUIRED] = "required", [MAIL_TLS_OFF] = "off", NULL};

/* Host names separated by commas, without ports. */
static bool parse_host_names(const struct setting *setting, const char *text, void *place,
			     struct arena *arena)
{
	struct host_names *list = place;

	(void)setting;
	*list = (struct host_names){0};
	for (const char *at = text; text[0]; at++) {
		size_t length = strcspn(at, ",");

		if (length == 0 || length > HOST_NAME_MAX_BYTES || list->count == HOST_NAMES_MAX)
			return false;
		for (size_t i = 0; i < length; i++) {
			if (!isascii((unsigned char)at[i]) ||
			    (!isalnum((unsigned char)at[i]) && !strchr("-._", at[i])))
				return false;
		}
		list->names[list->count++] = arena_text(arena, at, length);
		at += length;
		if (!*at)
			return true;
	}
	return true;
}

static const char *accepts_host_names(const struct setting *setting, struct arena *arena)
{
	(void)setting;
	return arena_printf(arena, "up to %d host names without ports, separated by commas", HOST_NAMES_MAX);
}

/* One word that a header field can carry. */
static bool parse_token(const struct setting *setting, const char *text, void *place, struct arena *arena)
{
	(void)setting;
	(void)arena;
	for (const char *at = text; *at; at++) {
		if (!isascii((unsigned char)*at) || !isgraph((unsigned char)*at))
			return false;
	}
	*(const char **)place = text;
	return strlen(text) <= SETTING_TEXT_MAX;
}

static const char *accepts_token(const struct setting *setting, struct arena *arena)
{
	(void)setting;
	return arena_printf(arena, "up to %d characters of ASCII without blanks", SETTING_TEXT_MAX);
}

/* ---- traces ---- */

static bool parse_ratio(const struct setting *setting, const char *text, void *place, struct arena *arena)
{
	char *end;
	double ratio;

	(void)setting;
	(void)arena;
	if (text[strspn(text, "0123456789.")] || !isdigit((unsigned char)text[0]))
		return false;
	ratio = strtod(text, &end);
	if (*end || ratio > 1)
		return false;
	*(double *)place = ratio;
	return true;
}

static const char *accepts_ratio(const struct setting *setting, struct arena *arena)
{
	(void)setting;
	(void)arena;
	return "a number from 0 to 1, such as 0.01";
}

static const char *const booleans[] = {[SWITCH_OFF] = "false", [SWITCH_ON] = "true", NULL};
static const char *const samplers[] = {
	[TRACES_ALWAYS_ON] = "always_on",
	[TRACES_ALWAYS_OFF] = "always_off",
	[TRACES_BY_RATIO] = "traceidratio",
	[TRACES_PARENT_BASED + TRACES_ALWAYS_ON] = "parentbased_always_on",
	[TRACES_PARENT_BASED + TRACES_ALWAYS_OFF] = "parentbased_always_off",
	[TRACES_PARENT_BASED + TRACES_BY_RATIO] = "parentbased_traceidratio",
	NULL,
};

/* ---- the table ---- */

static const char *const switches[] = {[SWITCH_OFF] = "off", [SWITCH_ON] = "on", NULL};
static const char *const encodings[] = {[EVENT_JSON] = "json", [EVENT_MSGPACK] = "msgpack", NULL};
static const char *const envelopes[] = {[EVENT_BARE] = "bare", [EVENT_CLOUDEVENTS] = "cloudevents", NULL};
static const char *const log_levels[] = {
	[LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error", NULL};
static const char *const log_formats[] = {[LOG_AS_LOGFMT] = "logfmt", [LOG_AS_JSON] = "json", NULL};

#define TEXT                .parse = parse_text, .accepts = accepts_text
#define NUMBER(least, most) .parse = parse_number, .accepts = accepts_number, .min = (least), .max = (most)
#define CHOICE(words)       .parse = parse_choice, .accepts = accepts_choice, .choices = (words)
#define IN(member)          .offset = offsetof(struct config, member)

#define DEAD_LETTERS (USED_BY_DEAD_LETTERS | USED_BY_REPLAY)
#define TOOLS                                                                                                \
	(USED_BY_DATABASE_TOOLS | USED_BY_REPUBLISH | USED_BY_QUIESCE | USED_BY_BENCH | USED_BY_STATUS |     \
	 DEAD_LETTERS)
#define DATABASE_USERS (USED_BY_RUN | USED_BY_MIGRATE | USED_BY_CONFIG | USED_BY_PUBLISH | TOOLS)
#define GROUP_USERS    (USED_BY_RUN | USED_BY_CONFIG | USED_BY_QUIESCE)
#define STREAM_USERS   (GROUP_USERS | USED_BY_BENCH | USED_BY_PUBLISH)
#define ENGINE_USERS   (USED_BY_RUN | USED_BY_CONFIG | USED_BY_REPLAY)
#define WORKER_ONLY    (USED_BY_RUN | USED_BY_CONFIG)
#define WAITS          (USED_BY_RUN | USED_BY_MIGRATE | USED_BY_TAIL | USED_BY_CONFIG | DEAD_LETTERS)
#define ALL_COMMANDS   (WAITS | USED_BY_PUBLISH | USED_BY_HEALTHCHECK | TOOLS)

/* clang-format off */
const struct setting settings[] = {
	{
		.heading = "Postgres and Redis", .variable = "DATABASE_URL", .fallback = "postgresql:///allocd", .value = "URL",
		.help = "the database: a URL or keywords of libpq, which honours PG* too",
		TEXT, IN(database_url), .secret = true, .used_by = DATABASE_USERS,
	},
	{
		.variable = "ALLOCD_POOLED", .fallback = "off", .value = "SWITCH",
		.help = "on: DATABASE_URL leads to PgBouncer in transaction mode",
		CHOICE(switches), IN(pooled), .used_by = DATABASE_USERS,
	},
	{
		.variable = "REDIS_URL", .fallback = "redis://127.0.0.1:6379/0", .value = "URL",
		.help = "the Redis server: redis://[USER][:PASSWORD]@HOST:PORT/DB, rediss://..., redis+unix:///PATH?db=0, "
			"redis+sentinel://HOST:PORT,.../MASTER/DB",
		TEXT, IN(redis_url), .secret = true, .used_by = REDIS_USERS,
	},
	{
		.variable = "ALLOCD_REDIS_CA_FILE", .fallback = "", .value = "PATH",
		.help = "PEM file of the authorities that rediss:// trusts; empty: the system's",
		TEXT, IN(redis_ca_file), .used_by = REDIS_USERS,
	},
	{
		.variable = "ALLOCD_REDIS_CERT_FILE", .fallback = "", .value = "PATH",
		.help = "PEM file of the client certificate for rediss://; empty: none",
		TEXT, IN(redis_cert_file), .used_by = REDIS_USERS,
	},
	{
		.variable = "ALLOCD_REDIS_KEY_FILE", .fallback = "", .value = "PATH",
		.help = "PEM file of that certificate's key",
		TEXT, IN(redis_key_file), .used_by = REDIS_USERS,
	},
	{
		.variable = "ALLOCD_PREFIX", .fallback = "", .value = "TEXT",
		.help = "text before every channel and key; keeps several allocds on one Redis apart",
		TEXT, IN(prefix), .used_by = REDIS_USERS,
	},
	{
		.heading = "Streams", .variable = "ALLOCD_STREAM", .fallback = "allocd:commands", .value = "NAMES",
		.help = "streams to read commands from, separated by commas, or NAME[0-7]; empty: none",
		.parse = parse_streams, .accepts = accepts_streams, IN(streams), .empty_is_off = true,
		.used_by = STREAM_USERS,
	},
	{
		.variable = "ALLOCD_GROUP", .fallback = "allocd", .value = "NAME",
		.help = "consumer group on those streams",
		TEXT, IN(group), .used_by = GROUP_USERS,
	},
	{
		.variable = "ALLOCD_EVENT_STREAM", .fallback = "allocd:events", .value = "NAME",
		.help = "stream that events go to besides their channels; empty: none",
		TEXT, IN(event_stream), .empty_is_off = true, .used_by = ENGINE_USERS | USED_BY_TAIL,
	},
	{
		.heading = "HTTP", .variable = "ALLOCD_HTTP", .fallback = "127.0.0.1:5005", .value = "HOST:PORT",
		.help = "address of the HTTP listener; port 0: any; empty: HTTP is off",
		.parse = parse_listen, .accepts = accepts_listen, IN(http), .empty_is_off = true,
		.used_by = WORKER_ONLY | USED_BY_BENCH | USED_BY_STATUS | USED_BY_HEALTHCHECK,
	},
	{
		.variable = "ALLOCD_HTTP_TOKEN", .fallback = "", .value = "TOKEN",
		.help = "bearer token of requests over HTTP; empty: no token is required",
		.parse = parse_token, .accepts = accepts_token, IN(http_token), .secret = true, .is_password = true,
		.used_by = WORKER_ONLY | USED_BY_STATUS,
	},
	{
		.variable = "ALLOCD_ADMIN_TOKEN", .fallback = "", .value = "TOKEN",
		.help = "bearer token of changes under /admin over HTTP; empty: nothing can be changed there",
		.parse = parse_token, .accepts = accepts_token, IN(admin_token), .secret = true, .is_password = true,
		.used_by = WORKER_ONLY,
	},
	{
		.variable = "ALLOCD_HTTP_OPEN", .fallback = "off", .value = "SWITCH",
		.help = "on: accept commands from other machines without a token; a proxy guards HTTP",
		CHOICE(switches), IN(http_open), .used_by = WORKER_ONLY,
	},
	{
		.variable = "ALLOCD_HTTP_NAMES", .fallback = "", .value = "NAMES",
		.help = "host names that requests may carry besides localhost and this machine's",
		.parse = parse_host_names, .accepts = accepts_host_names, IN(http_names), .used_by = WORKER_ONLY,
	},
	{
		.heading = "Mail", .variable = "ALLOCD_SMTP_URL", .fallback = "", .value = "URL",
		.help = "smtp://[USER:PASSWORD@]HOST[:PORT] or smtps://... that sends mail; empty: mail is logged",
		TEXT, IN(smtp_url), .secret = true, .used_by = WORKER_ONLY,
	},
	{
		.variable = "ALLOCD_MAIL_FROM", .fallback = "", .value = "ADDRESS",
		.help = "sender of mail",
		.parse = parse_address, .accepts = accepts_address, IN(mail_from), .used_by = WORKER_ONLY,
	},
	{
		.variable = "ALLOCD_MAIL_TO", .fallback = "", .value = "ADDRESSES",
		.help = "recipients of mail about lines that are out of stock, separated by commas",
		.parse = parse_recipients, .accepts = accepts_recipients, IN(mail_to), .used_by = WORKER_ONLY,
	},
	{
		.variable = "ALLOCD_MAIL_TLS", .fallback = "auto", .value = "WHEN",
		.help = "TLS with smtp://: auto: when offered, and always with a password for another host; required; off",
		CHOICE(mail_tls), IN(mail_tls), .used_by = WORKER_ONLY,
	},
	{
		.variable = "ALLOCD_MAIL_TIMEOUT", .fallback = "30", .value = "SECONDS",
		.help = "how long one mail may take, in seconds",
		NUMBER(1, 45), IN(mail_timeout_s), .used_by = WORKER_ONLY,
	},
	{
		.variable = "ALLOCD_MAIL_RETRY", .fallback = "10", .value = "SECONDS",
		.help = "seconds before a failed mail is retried; doubles each time, up to an hour",
		NUMBER(1, 3600), IN(mail_retry_s), .used_by = WORKER_ONLY,
	},
	{
		.variable = "ALLOCD_MAIL_TRIES", .fallback = "20", .value = "NUMBER",
		.help = "attempts to send a mail before it becomes a dead letter",
		NUMBER(1, 100), IN(mail_tries), .used_by = WORKER_ONLY,
	},
	{
		.heading = "Events", .variable = "ALLOCD_ENCODING", .fallback = "json", .value = "ENCODING",
		.help = "encoding of events: json or msgpack",
		CHOICE(encodings), IN(encoding), .used_by = ENGINE_USERS,
	},
	{
		.variable = "ALLOCD_ENVELOPE", .fallback = "bare", .value = "ENVELOPE",
		.help = "envelope of events: bare or cloudevents",
		CHOICE(envelopes), IN(envelope), .used_by = ENGINE_USERS,
	},
	{
		.variable = "ALLOCD_SOURCE", .fallback = "allocd", .value = "TEXT",
		.help = "source of events that go out as CloudEvents",
		TEXT, IN(source), .used_by = ENGINE_USERS,
	},
	{
		.variable = "ALLOCD_REJECTION_EVENTS", .fallback = "off", .value = "SWITCH",
		.help = "on: publish command_rejected for each message that becomes a dead letter",
		CHOICE(switches), IN(rejection_events), .used_by = WORKER_ONLY,
	},
	{
		.heading = "The worker", .variable = "ALLOCD_UNIT_MAX", .fallback = "1000", .value = "NUMBER",
		.help = "maximum of messages in a unit of work",
		NUMBER(1, 10000), IN(unit_max), .used_by = WORKER_ONLY,
	},
	{
		.variable = "ALLOCD_LANES", .fallback = "2", .value = "NUMBER",
		.help = "units of work in flight when many messages wait",
		NUMBER(1, 16), IN(lanes), .used_by = WORKER_ONLY,
	},
	{
		.variable = "ALLOCD_START_WAIT", .fallback = "30", .value = "SECONDS",
		.help = "how long to wait for the database and Redis at start, in seconds",
		NUMBER(0, 86400), IN(start_wait_s), .used_by = WAITS,
	},
	{
		.heading = "What is kept", .variable = "ALLOCD_INBOX_DAYS", .fallback = "7", .value = "DAYS",
		.help = "how long the ids of messages are remembered, in days",
		NUMBER(1, 3650), IN(inbox_days), .used_by = ENGINE_USERS,
	},
	{
		.variable = "ALLOCD_DEAD_LETTERS_MAX", .fallback = "100000", .value = "NUMBER",
		.help = "maximum of dead letters; the oldest rejected and invalid ones are deleted first",
		NUMBER(1, 1000000000), IN(dead_letters_max), .used_by = ENGINE_USERS,
	},
	{
		.variable = "ALLOCD_DEAD_LETTERS_DAYS", .fallback = "90", .value = "DAYS",
		.help = "how long dead letters are kept after their last attempt, in days",
		NUMBER(1, 3650), IN(dead_letters_days), .used_by = WORKER_ONLY,
	},
	{
		.heading = "Traces", .variable = "OTEL_EXPORTER_OTLP_ENDPOINT", .fallback = "", .value = "URL",
		.help = "receiver of traces, without the path /v1/traces; empty: nothing is traced",
		TEXT, IN(otlp_endpoint), .secret = true, .used_by = WORKER_ONLY,
	},
	{
		.variable = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", .fallback = "", .value = "URL",
		.help = "the whole URL of that receiver, which takes precedence",
		TEXT, IN(otlp_traces_endpoint), .secret = true, .used_by = WORKER_ONLY,
	},
	{
		.variable = "OTEL_EXPORTER_OTLP_PROTOCOL", .fallback = "http/json", .value = "PROTOCOL",
		.help = "http/json; with any other value nothing is traced, and a warning is logged",
		TEXT, IN(otlp_protocol), .used_by = WORKER_ONLY,
	},
	{
		.variable = "OTEL_EXPORTER_OTLP_HEADERS", .fallback = "", .value = "PAIRS",
		.help = "NAME=VALUE,... of headers for that receiver, percent-encoded",
		TEXT, .max = SECRET_FILE_MAX, IN(otlp_headers), .secret = true, .is_password = true, .used_by = WORKER_ONLY,
	},
	{
		.variable = "OTEL_EXPORTER_OTLP_TIMEOUT", .fallback = "10000", .value = "MILLISECONDS",
		.help = "how long one request to that receiver may take, in milliseconds",
		NUMBER(1, 600000), IN(otlp_timeout_ms), .used_by = WORKER_ONLY,
	},
	{
		.variable = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", .fallback = "", .value = "PROTOCOL",
		.help = "protocol of traces; empty: OTEL_EXPORTER_OTLP_PROTOCOL",
		TEXT, IN(otlp_traces_protocol), .used_by = WORKER_ONLY,
	},
	{
		.variable = "OTEL_EXPORTER_OTLP_TRACES_HEADERS", .fallback = "", .value = "PAIRS",
		.help = "headers of traces, as a whole; empty: OTEL_EXPORTER_OTLP_HEADERS",
		TEXT, .max = SECRET_FILE_MAX, IN(otlp_traces_headers), .secret = true, .is_password = true, .used_by = WORKER_ONLY,
	},
	{
		.variable = "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", .fallback = "0", .value = "MILLISECONDS",
		.help = "how long one request with traces may take; 0: OTEL_EXPORTER_OTLP_TIMEOUT",
		NUMBER(0, 600000), IN(otlp_traces_timeout_ms), .used_by = WORKER_ONLY,
	},
	{
		.variable = "OTEL_TRACES_EXPORTER", .fallback = "otlp", .value = "EXPORTER",
		.help = "otlp, or none; with any other value nothing is traced, and a warning is logged",
		TEXT, IN(traces_exporter), .used_by = WORKER_ONLY,
	},
	{
		.variable = "OTEL_SERVICE_NAME", .fallback = "", .value = "NAME",
		.help = "service.name of traces; empty: that of OTEL_RESOURCE_ATTRIBUTES, or allocd",
		TEXT, IN(otel_service), .used_by = WORKER_ONLY,
	},
	{
		.variable = "OTEL_RESOURCE_ATTRIBUTES", .fallback = "", .value = "PAIRS",
		.help = "NAME=VALUE,... of attributes of all traces, percent-encoded",
		TEXT, IN(otel_attributes), .used_by = WORKER_ONLY,
	},
	{
		.variable = "OTEL_TRACES_SAMPLER", .fallback = "parentbased_traceidratio", .value = "SAMPLER",
		.help = "which messages are traced: always_on, always_off, traceidratio, or parentbased_ and one of these",
		CHOICE(samplers), IN(traces_sampler), .used_by = WORKER_ONLY,
	},
	{
		.variable = "OTEL_TRACES_SAMPLER_ARG", .fallback = "0.01", .value = "RATIO",
		.help = "the share of messages that traceidratio samples, from 0 to 1",
		.parse = parse_ratio, .accepts = accepts_ratio, IN(traces_ratio), .used_by = WORKER_ONLY,
	},
	{
		.variable = "OTEL_SDK_DISABLED", .fallback = "false", .value = "BOOLEAN",
		.help = "true: nothing is traced",
		CHOICE(booleans), IN(otel_disabled), .used_by = WORKER_ONLY,
	},
	{
		.heading = "The log", .variable = "ALLOCD_LOG_LEVEL", .fallback = "info", .value = "LEVEL",
		.help = "lowest level that is logged: debug, info, warn or error",
		CHOICE(log_levels), IN(log_level), .used_by = ALL_COMMANDS,
	},
	{
		.variable = "ALLOCD_LOG_FORMAT", .fallback = "logfmt", .value = "FORMAT",
		.help = "logfmt or json, on standard error",
		CHOICE(log_formats), IN(log_format), .used_by = ALL_COMMANDS,
	},
};
/* clang-format on */

const size_t settings_count = sizeof settings / sizeof settings[0];

_Static_assert(sizeof settings / sizeof settings[0] <= SETTINGS_MAX, "struct config has a place for each");

bool setting_is_common(const struct setting *setting)
{
	return setting->used_by == ALL_COMMANDS;
}

const char *setting_option(const struct setting *setting, struct arena *arena)
{
	static const char prefix[] = "ALLOCD_";
	const char *name = setting->variable;
	char *option;

	if (strncmp(name, prefix, sizeof prefix - 1) == 0)
		name += sizeof prefix - 1;
	option = arena_strdup(arena, name);
	for (char *at = option; *at; at++)
		*at = *at == '_' ? '-' : (char)tolower((unsigned char)*at);
	return option;
}
