/* Follows the commands of an SMTP client and the replies of the server. */
#include "adapters/smtp/smtp_reply.h"

#include "adapters/smtp/mail_format.h"
#include "core/base/utf8.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- what is sent ---- */

static const struct {
	const char *verb;
	enum smtp_stage stage;
} verbs[] = {
	{"EHLO", SMTP_GREETING}, {"HELO", SMTP_GREETING},  {"STARTTLS", SMTP_SECURING}, {"AUTH", SMTP_LOGIN},
	{"MAIL", SMTP_SENDER},   {"RCPT", SMTP_RECIPIENT}, {"DATA", SMTP_DATA},
};

static void enter(struct smtp_session *session, enum smtp_stage stage)
{
	session->stage = stage;
	session->code = 0;
	session->is_complete = false;
	session->reply[0] = '\0';
}

static bool is_verb(const char *verb, const char *bytes, size_t size)
{
	size_t length = strlen(verb);

	return size >= length && strncasecmp(bytes, verb, length) == 0;
}

/* After a refused mail libcurl sends QUIT; the stage then stays the one that was refused. */
void smtp_note_command(struct smtp_session *session, const char *bytes, size_t size)
{
	if (is_verb("QUIT", bytes, size))
		session->has_quit = true;
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
		if (is_verb(verbs[i].verb, bytes, size))
			enter(session, verbs[i].stage);
	}
}

void smtp_note_content(struct smtp_session *session)
{
	if (session->stage == SMTP_DATA)
		enter(session, SMTP_CONTENT);
}

/* ---- what is received ---- */

static int code_of(const char *bytes, size_t size)
{
	if (size < 3 || !isdigit((unsigned char)bytes[0]) || !isdigit((unsigned char)bytes[1]) ||
	    !isdigit((unsigned char)bytes[2]))
		return 0;
	return (bytes[0] - '0') * 100 + (bytes[1] - '0') * 10 + (bytes[2] - '0');
}

/* Joins the lines of a reply, with its code once. */
static void append_reply(struct smtp_session *session, const char *bytes, size_t size)
{
	size_t used = strlen(session->reply), skipped = used && size >= 4 ? 4 : 0;

	while (size > skipped && isspace((unsigned char)bytes[size - 1]))
		size--;
	if (size > skipped)
		utf8_format(session->reply + used, sizeof session->reply - used, "%s%.*s", used ? " " : "",
			    (int)(size - skipped), bytes + skipped);
}

void smtp_note_line(struct smtp_session *session, const char *bytes, size_t size)
{
	int code = code_of(bytes, size);

	if (!code || session->has_quit)
		return;
	if (session->is_complete)
		enter(session, session->stage);
	session->code = code;
	session->is_complete = size < 4 || bytes[3] != '-';
	append_reply(session, bytes, size);
}

/* ---- what it means ---- */

enum failure_kind smtp_failure_kind(const struct smtp_session *session)
{
	bool is_about_the_mail = session->stage >= SMTP_RECIPIENT && session->code != 421;

	if (is_about_the_mail && session->code / 100 == 5)
		return FAILURE_DATA;
	if (is_about_the_mail && session->code / 100 == 4)
		return FAILURE_BUSY;
	if (session->stage == SMTP_CONTENT && session->is_all_sent && !session->code)
		return FAILURE_UNCERTAIN;
	return FAILURE_RETRY;
}

/* The caller appends the recipient, from that stage on. */
static const char *what_is_refused(enum smtp_stage stage)
{
	switch (stage) {
	case SMTP_SECURING:
		return "TLS";
	case SMTP_LOGIN:
		return "the user or the password of ALLOCD_SMTP_URL";
	case SMTP_SENDER:
		return "the sender ALLOCD_MAIL_FROM";
	case SMTP_RECIPIENT:
		return "the recipient ";
	case SMTP_DATA:
	case SMTP_CONTENT:
		return "the mail for ";
	case SMTP_CONNECTING:
	case SMTP_GREETING:
		break;
	}
	return "the connection";
}

/* Replaces control characters by question marks, so that the text stays one line. */
static void make_printable(char *text)
{
	size_t left = strlen(text), size;
	uint32_t code;
	bool is_valid;

	utf8_repair(text);
	for (; left; text += size, left -= size) {
		size = utf8_next(text, left, &code, &is_valid);
		if (utf8_is_control(code))
			memset(text, '?', size);
	}
}

void smtp_describe(const struct smtp_session *session, const struct smtp_account *account,
		   char text[SMTP_FAILURE_SIZE])
{
	bool is_refused = session->code >= 400;
	const char *cause = is_refused ? session->reply : account->cause;

	if (account->password && strstr(cause, account->password))
		cause = "(its reply repeats the password)";
	if (is_refused)
		utf8_format(text, SMTP_FAILURE_SIZE, "%s refused %s%s: %s%s", account->server,
			    what_is_refused(session->stage),
			    session->stage >= SMTP_RECIPIENT ? account->recipient : "", cause,
			    account->advice);
	else
		utf8_format(text, SMTP_FAILURE_SIZE, "%s: %s%s%s", account->server, cause, account->advice,
			    smtp_failure_kind(session) == FAILURE_UNCERTAIN
				    ? "; the mail was sent, and may have been accepted"
				    : "");
	make_printable(text);
}
