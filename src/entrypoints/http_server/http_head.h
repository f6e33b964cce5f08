/*
 * The head of a request: its request line and its header fields, read as strictly as RFC 9112 allows.
 *
 * Two readers of HTTP that disagree on where a request ends let a client smuggle a second one past a proxy.
 * Therefore a head that could be read in more than one way is refused as a whole, and any other is rewritten
 * without the fields that give the body's length, so that evhttp gets every request in one form.
 *
 * Nothing here touches a socket.
 */
#ifndef ALLOCD_ENTRYPOINTS_HTTP_SERVER_HTTP_HEAD_H
#define ALLOCD_ENTRYPOINTS_HTTP_SERVER_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bounds of a head; its size includes the line ends and the empty line. */
#define HTTP_HEAD_MAX   ((size_t)16 * 1024)
#define HTTP_FIELDS_MAX 100

/* Why a request is not served. */
struct http_refusal {
	int status;
	const char *type; /* of the problem; see http_answer.h */
	const char *message;
};

enum http_framing {
	HTTP_NO_BODY,
	HTTP_SIZED_BODY, /* Content-Length */
	HTTP_CHUNKED_BODY,
};

struct http_head {
	enum http_framing framing;
	uint64_t body_size; /* of a sized body */
	bool is_head;       /* the method is HEAD: an answer has no body */
	bool takes_body;    /* evhttp gets the body; that of other methods is dropped */
	bool expects_continue;

	char *text; /* the head written anew, without Content-Length and the empty line; freed by free() */
	size_t text_size;
};

/* Free bytes of `text` behind `text_size`: room for Content-Length and the empty line. */
#define HTTP_HEAD_TAIL ((size_t)48)

/*
 * Reads the head in `bytes`, which ends with its empty line; every line ends with CR and LF.  Returns NULL,
 * or why the head is refused; `head` then holds only `is_head`.
 */
const struct http_refusal *http_head_read(struct http_head *head, const char *bytes, size_t size);

/* Checks a field that follows the chunks of a body.  Returns NULL, or why it is refused. */
const struct http_refusal *http_trailer_check(const char *line, size_t size);

extern const struct http_refusal http_line_end_refused; /* a line ends with LF alone */
extern const struct http_refusal http_head_too_large;

#endif
