/*
 * Tracks the stage of a mail, and the server's reply to its last command, from the bytes that libcurl sends
 * and receives, in bounded memory.  Only a command's verb is read, because the rest may be a password.
 */
#ifndef ALLOCD_ADAPTERS_SMTP_SMTP_REPLY_H
#define ALLOCD_ADAPTERS_SMTP_SMTP_REPLY_H

#include "bus/ports/failure.h"

#include <stdbool.h>
#include <stddef.h>

#define SMTP_REPLY_SIZE   400
#define SMTP_FAILURE_SIZE 1024

enum smtp_stage {
	SMTP_CONNECTING,
	SMTP_GREETING, /* EHLO or HELO */
	SMTP_SECURING, /* STARTTLS */
	SMTP_LOGIN,    /* AUTH */
	SMTP_SENDER,   /* MAIL */
	SMTP_RECIPIENT,
	SMTP_DATA,
	SMTP_CONTENT, /* the mail itself */
};

struct smtp_session {
	enum smtp_stage stage;
	bool is_all_sent; /* of the content */
	bool has_quit;    /* QUIT was sent: its reply does not matter */
	int code;         /* of the reply to the stage's command; 0 before the reply */
	bool is_complete; /* the reply has its last line */
	char reply[SMTP_REPLY_SIZE];
};

/* Notes bytes that were sent as a command. */
void smtp_note_command(struct smtp_session *session, const char *bytes, size_t size);

/* Notes that the content begins. */
void smtp_note_content(struct smtp_session *session);

/* Notes a line of a reply. */
void smtp_note_line(struct smtp_session *session, const char *bytes, size_t size);

/*
 * The kind of failure to report for a mail that was not accepted (see bus/ports/notifier.h).  A 5xx reply to
 * the recipient or to the mail is final: FAILURE_DATA.  A 4xx reply asks for another attempt later:
 * FAILURE_BUSY.  Any failure before the recipient, and a 421, concerns the server or its settings:
 * FAILURE_RETRY.  If the whole content was sent and no reply came, the mail may have been accepted:
 * FAILURE_UNCERTAIN.
 */
enum failure_kind smtp_failure_kind(const struct smtp_session *session);

/* The parts of a failure's text. */
struct smtp_account {
	const char *server; /* its host and port */
	const char *recipient;
	const char *password; /* or NULL; a server may repeat it, but the text must not */
	const char *cause;    /* libcurl's error */
	const char *advice;   /* or "" */
};

/* Writes one printable line of UTF-8. */
void smtp_describe(const struct smtp_session *session, const struct smtp_account *account,
		   char text[SMTP_FAILURE_SIZE]);

#endif
