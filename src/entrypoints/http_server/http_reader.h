/*
 * Reads the requests of one connection from its bytes, one after another, and writes each anew in the one
 * form that cannot be misread: the head (see http_head.h), Content-Length, the whole body.
 *
 *     HEAD --> SIZED ------------------------------> WHOLE --http_reader_next()--> HEAD
 *      |-----------------(no body)--------------------^ ^
 *      `-----> CHUNK_SIZE --> CHUNK --> CHUNK_END       |
 *               ^    |                      |           |
 *               `----|----------------------'           |
 *                    `--(last chunk)--> TRAILERS -------'
 *     any --> REFUSED, which is final, because the beginning of the next request is unknown.
 *
 * Memory is bounded: a head, or a body of HTTP_BODY_MAX bytes, plus the bytes of one http_reader_add().
 * Nothing here touches a socket.
 */
#ifndef ALLOCD_ENTRYPOINTS_HTTP_SERVER_HTTP_READER_H
#define ALLOCD_ENTRYPOINTS_HTTP_SERVER_HTTP_READER_H

#include "entrypoints/http_server/http_head.h"

#include "bus/ports/codec.h"

/* The same limit as for a command from Redis. */
#define HTTP_BODY_MAX ((size_t)PAYLOAD_MAX)

enum http_stage {
	HTTP_HEAD,
	HTTP_SIZED,
	HTTP_CHUNK_SIZE,
	HTTP_CHUNK,
	HTTP_CHUNK_END,
	HTTP_TRAILERS,
	HTTP_WHOLE,   /* the request is complete */
	HTTP_REFUSED, /* `refusal` is set, and nothing more is read */
};

struct http_reader {
	enum http_stage stage;
	char *bytes; /* from 0: the body read so far; from `at`: bytes not read yet */
	size_t body_size, at, size, room;
	size_t searched;       /* this many bytes from `at` hold no line feed */
	size_t line_total;     /* size of the whole lines of the head or of the trailers */
	int empty_lines;       /* seen before the head */
	size_t chunk_left;     /* bytes of the chunk that are still missing */
	bool is_continued;     /* "100 Continue" was sent, or is not needed */
	struct http_head head; /* from SIZED or CHUNK_SIZE on */
	const struct http_refusal *refusal;
};

void http_reader_init(struct http_reader *reader);
void http_reader_release(struct http_reader *reader);

/* Adds bytes of the connection, for http_reader_advance(). */
void http_reader_add(struct http_reader *reader, const void *bytes, size_t size);

/* Reads as far as possible, to the end of one request.  Returns the stage that it reached. */
enum http_stage http_reader_advance(struct http_reader *reader);

/* True once for each request whose client waits for "100 Continue" before it sends the body. */
bool http_reader_must_ask(struct http_reader *reader);

/*
 * The request that is WHOLE; the head ends with its empty line.  Both are valid until the next call for this
 * reader.
 */
void http_reader_request(const struct http_reader *reader, struct bytes *head, struct bytes *body);

/* Drops the request that is WHOLE, so that the next one can be read. */
void http_reader_next(struct http_reader *reader);

#endif
