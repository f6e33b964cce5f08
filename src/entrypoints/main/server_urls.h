/* The servers' URLs, which the adapters read at every attempt to connect.  `config` outlives the adapters. */
#ifndef ALLOCD_ENTRYPOINTS_MAIN_SERVER_URLS_H
#define ALLOCD_ENTRYPOINTS_MAIN_SERVER_URLS_H

#include "adapters/system/url_source.h"
#include "entrypoints/config/config.h"

static inline struct url_source database_url(const struct config *config)
{
	return (struct url_source){
		.read = config_read_url,
		.context = config_url(config, "DATABASE_URL"),
		.pooled = config->pooled == SWITCH_ON,
	};
}

static inline struct url_source redis_url(const struct config *config)
{
	return (struct url_source){
		.read = config_read_url,
		.context = config_url(config, "REDIS_URL"),
		.tls_files = {config->redis_ca_file, config->redis_cert_file, config->redis_key_file},
	};
}

static inline struct url_source smtp_url(const struct config *config)
{
	return (struct url_source){.read = config_read_url, .context = config_url(config, "ALLOCD_SMTP_URL")};
}

#endif
