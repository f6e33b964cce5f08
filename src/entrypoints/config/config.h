/*
 * The configuration in force: the value of each setting, and where it came from.
 */
#ifndef ALLOCD_ENTRYPOINTS_CONFIG_CONFIG_H
#define ALLOCD_ENTRYPOINTS_CONFIG_CONFIG_H

#include "bus/base/stream_list.h"
#include "bus/ports/logger.h"
#include "entrypoints/config/faults.h"
#include "entrypoints/config/settings.h"

#include <stdio.h>

#define SETTINGS_MAX 56

/* Indices of the choices in the table of settings. */
enum config_log_format { LOG_AS_LOGFMT, LOG_AS_JSON };
enum config_switch { SWITCH_OFF, SWITCH_ON };
enum event_encoding { EVENT_JSON, EVENT_MSGPACK };
enum event_envelope { EVENT_BARE, EVENT_CLOUDEVENTS };
/* By the ratio alone, and the same for messages without a parent. */
enum traces_sampler { TRACES_ALWAYS_ON, TRACES_ALWAYS_OFF, TRACES_BY_RATIO, TRACES_PARENT_BASED };
enum mail_tls { MAIL_TLS_AUTO, MAIL_TLS_REQUIRED, MAIL_TLS_OFF };

struct listen_address {
	const char *host; /* NULL: HTTP is off */
	uint16_t port;    /* 0: any that is free */
};

#define ADDRESS_MAX    254
#define RECIPIENTS_MAX 16

struct recipient_list {
	const char *addresses[RECIPIENTS_MAX];
	size_t count;
};

/* The limit of DNS. */
#define HOST_NAME_MAX_BYTES 253
#define HOST_NAMES_MAX      16

struct host_names {
	const char *names[HOST_NAMES_MAX];
	size_t count;
};

enum origin { FROM_DEFAULT, FROM_ENVIRONMENT, FROM_OPTION };

/* One setting as it was given. */
struct given {
	const char *text; /* the content of the file, when there is one */
	const char *file; /* or NULL */
	const char *name; /* of the variable or option that names the file, or NULL */
	bool changes;     /* the file can be read again, and may have changed by then */
	bool is_wrong;    /* the default is in its place */
	bool is_exposed;  /* every user of this machine can read the password in the file */
	enum origin origin;
};

struct config {
	const char *database_url;
	const char *redis_url;
	const char *redis_ca_file;                    /* "": the system's authorities */
	const char *redis_cert_file, *redis_key_file; /* both, or both "" */
	const char *prefix;
	struct stream_list streams; /* an empty list: off */
	const char *group;
	const char *event_stream; /* "": off */
	struct listen_address http;
	const char *http_token;  /* "": no token is required */
	const char *admin_token; /* "": nothing can be changed under /admin */
	int http_open;           /* 1: a proxy guards the listener */
	struct host_names http_names;
	const char *smtp_url; /* "": mail is logged */
	const char *mail_from;
	struct recipient_list mail_to;
	int mail_tls; /* enum mail_tls */
	int32_t mail_timeout_s;
	int32_t mail_retry_s;
	int32_t mail_tries;
	int encoding; /* enum event_encoding */
	int envelope; /* enum event_envelope */
	const char *source;
	int32_t unit_max;
	int32_t lanes;
	int32_t inbox_days;
	int32_t dead_letters_days;
	int32_t dead_letters_max;
	int rejection_events; /* enum config_switch */
	int pooled;           /* enum config_switch */
	int32_t start_wait_s;
	const char *otlp_endpoint, *otlp_traces_endpoint; /* both "": nothing is traced */
	const char *traces_exporter;
	const char *otlp_protocol,
		*otlp_traces_protocol; /* those of traces take precedence, unless they are "" */
	const char *otlp_headers, *otlp_traces_headers;
	int32_t otlp_timeout_ms, otlp_traces_timeout_ms; /* 0 for traces: the other one */
	const char *otel_service, *otel_attributes;
	int traces_sampler; /* enum traces_sampler, plus TRACES_PARENT_BASED for the same parent-based */
	double traces_ratio;
	int otel_disabled; /* enum config_switch */
	int log_level;     /* enum log_level */
	int log_format;    /* enum config_log_format */

	struct given given[SETTINGS_MAX]; /* in the order of the table */
};

/* A setting as an option of the command line. */
struct option_value {
	const struct setting *setting;
	bool is_file; /* `text` names the file that holds the value */
	const char *text;
};

/*
 * Reads every setting: the option wins over the environment, the environment over the default.  All texts
 * live in `arena` or in the arguments.  Every value that is invalid is added to the faults.
 */
void config_load(struct config *config, struct arena *arena, const char *const environment[],
		 const struct option_value *options, size_t option_count, struct faults *faults);

/*
 * The function of a URL source (adapters/system/url_source.h), and its context for a variable, which points
 * into `config`.  The URL is read at every attempt to connect: again from its file, unless that is a pipe;
 * other texts never change.
 */
const char *config_read_url(void *context, struct arena *arena, const char **error);
void *config_url(const struct config *config, const char *variable);

/*
 * Warns of every variable that begins with ALLOCD_ and is not a setting, and of every file whose password
 * other users can read.
 */
void config_warn(const struct config *config, const char *const environment[], struct logger *logger);

/* Writes the settings in force as a commented environment file, without the passwords. */
void config_print(const struct config *config, FILE *out);

/* Writes an environment file in which every setting has its default and is commented out. */
void config_print_template(FILE *out);

/* One JSON object a line for each, without the passwords. */
void config_print_json(const struct config *config, FILE *out);

#endif
