/* opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables and …/protocol/exporter */
#include "entrypoints/main/tracing.h"

#include "adapters/otlp/otlp_http.h"
#include "adapters/system/random.h"
#include "core/base/utf8.h"

#include <stdlib.h>
#include <string.h>

#define TRACES_PATH "/v1/traces"

/* The URL of traces is used as it is; the one of all signals gets a path.  NULL: neither is set. */
static const char *receiver_url(const struct config *config, struct arena *arena)
{
	const char *base = config->otlp_endpoint;
	size_t length = strlen(base);

	if (*config->otlp_traces_endpoint)
		return config->otlp_traces_endpoint;
	if (!length)
		return NULL;
	return arena_printf(arena, "%.*s" TRACES_PATH, (int)(length - (base[length - 1] == '/')), base);
}

static struct trace_sampler sampler_of(const struct config *config)
{
	static const double fixed[] = {[TRACES_ALWAYS_ON] = 1, [TRACES_ALWAYS_OFF] = 0};
	int base = config->traces_sampler % TRACES_PARENT_BASED;

	return (struct trace_sampler){
		.is_parent_based = config->traces_sampler >= TRACES_PARENT_BASED,
		.ratio = base == TRACES_BY_RATIO ? config->traces_ratio : fixed[base],
	};
}

static const char *service_of(const struct config *config)
{
	return *config->otel_service ? config->otel_service : "allocd";
}

/* OTEL_SERVICE_NAME precedes a service.name among the attributes. */
static void prefer_service_name(const struct config *config, struct otlp_pairs *attributes)
{
	for (size_t i = 0; *config->otel_service && i < attributes->count; i++) {
		if (strcmp(attributes->names[i], "service.name") == 0)
			attributes->values[i] = config->otel_service;
	}
}

/* A variable of traces alone precedes that of all signals. */
static const char *preferred(const char *of_traces, const char *of_all)
{
	return *of_traces ? of_traces : of_all;
}

/* Whether the variables name the one exporter and the one protocol; the warning says which does not. */
static bool is_exported(const struct config *config, struct logger *logger)
{
	const char *protocol = preferred(config->otlp_traces_protocol, config->otlp_protocol);

	if (strcmp(config->traces_exporter, "none") == 0)
		return false;
	if (strcmp(config->traces_exporter, "otlp") != 0) {
		LOG(logger, LOG_WARN,
		    "no traces are exported: the only exporters are otlp and none (OTEL_TRACES_EXPORTER)",
		    LOG_TEXT("setting", config->traces_exporter));
		return false;
	}
	if (strcmp(protocol, "http/json") == 0)
		return true;
	LOG(logger, LOG_WARN,
	    "no traces are exported: the only protocol is http/json (OTEL_EXPORTER_OTLP_PROTOCOL)",
	    LOG_TEXT("setting", protocol));
	return false;
}

struct otlp_server tracing_server(const char *text)
{
	const char *colon = strrchr(text, ':');
	bool has_brackets = text[0] == '[' && colon && colon[-1] == ']';
	struct otlp_server server = {0};

	if (!colon)
		return server;
	utf8_format(server.address, sizeof server.address, "%.*s", (int)(colon - text) - 2 * has_brackets,
		    text + has_brackets);
	server.port = atoi(colon + 1);
	return server;
}

struct otlp_exporter *tracing_new(const struct tracing_parts *parts)
{
	const struct config *config = parts->config;
	struct arena *arena = arena_new(1024);
	struct otlp_exporter *exporter = NULL;
	struct otlp_config otlp = {
		.base = parts->base,
		.logger = parts->logger,
		.random = system_random(),
		.sampler = sampler_of(config),
		.url = receiver_url(config, arena),
		.service = service_of(config),
		.version = ALLOCD_VERSION,
		.instance = parts->instance,
		.group = config->group,
		.ca_file = getenv("SSL_CERT_FILE"),
		.find_servers = parts->find_servers,
		.context = parts->context,
		.timeout_ms = config->otlp_traces_timeout_ms ? config->otlp_traces_timeout_ms
							     : config->otlp_timeout_ms,
	};
	const char *headers = preferred(config->otlp_traces_headers, config->otlp_headers);

	if (otlp.url && !config->otel_disabled && is_exported(config, parts->logger) &&
	    otlp_pairs_parse(headers, arena, &otlp.headers) &&
	    otlp_pairs_parse(config->otel_attributes, arena, &otlp.attributes)) {
		prefer_service_name(config, &otlp.attributes);
		exporter = otlp_exporter_new(&otlp);
	}
	arena_free(&arena);
	return exporter;
}

static void check_url(const char *variable, const char *url, struct faults *faults)
{
	const char *defect = *url ? otlp_url_defect(url) : NULL;

	if (defect)
		faults_add(faults, "%s: %s", variable, defect);
}

static void check_pairs(const char *variable, const char *text, struct arena *arena, struct faults *faults)
{
	struct otlp_pairs pairs;

	if (!otlp_pairs_parse(text, arena, &pairs))
		faults_add(faults,
			   "%s: expected up to %d times NAME=VALUE, separated by commas and percent-encoded",
			   variable, OTLP_PAIRS_MAX);
}

void tracing_check(const struct config *config, struct faults *faults)
{
	struct arena *arena = arena_new(1024);

	check_url("OTEL_EXPORTER_OTLP_ENDPOINT", config->otlp_endpoint, faults);
	check_url("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", config->otlp_traces_endpoint, faults);
	check_pairs("OTEL_EXPORTER_OTLP_HEADERS", config->otlp_headers, arena, faults);
	check_pairs("OTEL_EXPORTER_OTLP_TRACES_HEADERS", config->otlp_traces_headers, arena, faults);
	check_pairs("OTEL_RESOURCE_ATTRIBUTES", config->otel_attributes, arena, faults);
	arena_free(&arena);
}
