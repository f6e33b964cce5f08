/* Writes JSON into a buffer of a fixed size.  What does not fit is noted, and nothing is written any more. */
#ifndef ALLOCD_ADAPTERS_OTLP_OTLP_JSON_H
#define ALLOCD_ADAPTERS_OTLP_OTLP_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OTLP_JSON_MAX ((size_t)24 * 1024)

struct otlp_json {
	char text[OTLP_JSON_MAX];
	size_t size;
	bool is_full;
	bool needs_comma; /* before the next attribute */
};

void otlp_json_begin(struct otlp_json *json);

/* Appends text that is JSON already. */
void otlp_json_raw(struct otlp_json *json, const char *text);

/* A string of any bytes: those that are not UTF-8 become U+FFFD. */
void otlp_json_string(struct otlp_json *json, const char *text);

/* A 64-bit integer, which proto3's JSON writes as a string. */
void otlp_json_integer(struct otlp_json *json, int64_t number);

/*
 * One KeyValue of a list of attributes.  A text that is NULL or empty is left out.  The list begins with
 * otlp_json_list_begin().
 */
void otlp_json_list_begin(struct otlp_json *json, const char *open);
void otlp_json_text(struct otlp_json *json, const char *key, const char *value);
void otlp_json_number(struct otlp_json *json, const char *key, int64_t value);

#endif
