/* Where the adapters ask for their servers' URLs at every attempt to connect. */
#ifndef ALLOCD_ENTRYPOINTS_MAIN_SERVER_URLS_H
#define ALLOCD_ENTRYPOINTS_MAIN_SERVER_URLS_H

#include "adapters/system/url_source.h"
#include "entrypoints/config/config.h"

/* It lives as long as `config`. */
static inline struct url_source bootstrap_database_url(const struct config *config)
{
	return (struct url_source){
		.read = config_read_url,
		.context = config_url(config, "DATABASE_URL"),
		.pooled = config->pooled == SWITCH_ON,
	};
}

static inline struct url_source bootstrap_smtp_url(const struct config *config)
{
	return (struct url_source){.read = config_read_url, .context = config_url(config, "ALLOCD_SMTP_URL")};
}

#endif
