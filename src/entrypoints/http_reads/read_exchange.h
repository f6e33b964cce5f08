/* What all reads share: how they begin, the parameters of their query, and their answers. */
#ifndef ALLOCD_ENTRYPOINTS_HTTP_READS_READ_EXCHANGE_H
#define ALLOCD_ENTRYPOINTS_HTTP_READS_READ_EXCHANGE_H

#include "entrypoints/http/http_exchange.h"
#include "entrypoints/http_reads/http_reads.h"

#include <jansson.h>

/*
 * An exchange for a read of the name in the path.  NULL when the name is malformed, which is answered 400;
 * `what` says what is expected: "a SKU".
 */
struct exchange *read_begin(struct http_api *api, const struct http_call *call, const char *what,
			    const char *encoded);

/* An exchange for a read of everything. */
struct exchange *read_begin_all(struct http_api *api, const struct http_call *call);

/* A parameter as it stands in the query, percent-encoded: "" for `?name` and `?name=`.  NULL: absent. */
const char *read_parameter(const struct exchange *exchange, const char *name);

/*
 * The request that waits for the outcome of the read; NULL if it was answered meanwhile, as it is here if the
 * read failed.
 */
const struct http_call *read_end(struct exchange *exchange, const struct failure *failure);

/* Answers 200 and frees the JSON. */
void reply_json(const struct http_call *call, json_t *json);

void reply_json_text(const struct http_call *call, const char *text);

/* Answers 404. */
void reply_not_found(const struct http_call *call, const char *message);

#endif
