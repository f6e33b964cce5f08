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
 *     any --> REFUSED, for good: where the next request begins is not known.
 *
 * Memory is bounded: it holds a head or a body of HTTP_BODY_MAX bytes, and what the caller adds at a time.
 * Nothing here touches a socket.
 */
#ifndef ALLOCD_ENTRYPOINTS_HTTP_SERVER_HTTP_READER_H
#define ALLOCD_ENTRYPOINTS_HTTP_SERVER_HTTP_READER_H

#include "entrypoints/http_server/http_head.h"

#include "bus/ports/codec.h"

/* As much as a command may have. */
#define HTTP_BODY_MAX ((size_t)PAYLOAD_MAX)

enum http_stage {
	HTTP_HEAD,
	HTTP_SIZED,
	HTTP_CHUNK_SIZE,
	HTTP_CHUNK,
	HTTP_CHUNK_END,
	HTTP_TRAILERS,
	HTTP_WHOLE,   /* the request is there */
	HTTP_REFUSED, /* so is the refusal, and nothing more is read */
};

struct http_reader {
	enum http_stage stage;
	char *bytes; /* the body as far as it was read, from 0; what was not read yet, from `at` */
	size_t body_size, at, size, room;
	size_t searched;       /* from `at`: no line ends there */
	size_t line_total;     /* of the head, or of the trailers, as far as whole lines go */
	int empty_lines;       /* before the head */
	size_t chunk_left;     /* of the chunk */
	bool asked_to_go_on;   /* `expects_continue` was answered, or has no answer */
	struct http_head head; /* from SIZED or CHUNK_SIZE on */
	const struct http_refusal *refusal;
};

void http_reader_init(struct http_reader *reader);
void http_reader_release(struct http_reader *reader);

/* More bytes of the connection; read by http_reader_advance(). */
void http_reader_add(struct http_reader *reader, const void *bytes, size_t size);

/* Reads as far as it can, to the end of one request.  The stage it reached. */
enum http_stage http_reader_advance(struct http_reader *reader);

/* True once for each request whose client waits for "100 Continue" before it sends the body. */
bool http_reader_must_ask(struct http_reader *reader);

/*
 * The request that is WHOLE, its head with the empty line at its end.  Both last until the reader is used
 * again.
 */
void http_reader_request(const struct http_reader *reader, struct bytes *head, struct bytes *body);

/* Forgets the request that is WHOLE: the next one may be read. */
void http_reader_next(struct http_reader *reader);

#endif
