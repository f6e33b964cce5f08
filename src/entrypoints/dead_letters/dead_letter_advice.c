/* What to do about a dead letter: by its outcome and, where that is not enough, by its reason. */
#include "entrypoints/dead_letters/dead_letter_advice.h"

#include "core/message.h"
#include "core/verdict.h"

#include <stdbool.h>
#include <string.h>

const char dead_letter_advice_handled[] = "discard: the message was handled since, under the same id";

static const struct {
	enum verdict verdict;
	const char *advice;
} of_rejections[] = {
	{REJECT_INVALID_SKU, "create a batch of that SKU, then replay"},
	{REJECT_UNKNOWN_BATCH, "create that batch, or edit batchref, then replay"},
	{REJECT_BATCHREF_TAKEN, "another batch has that reference: edit batchref and replay, or discard"},
	{REJECT_ID_REUSED, "another message has spent that id: edit id and replay, or discard"},
};

static const char *advice_about_rejection(const char *reason)
{
	for (size_t i = 0; i < sizeof of_rejections / sizeof of_rejections[0]; i++) {
		const char *text = verdict_reason(of_rejections[i].verdict);

		if (!strncmp(reason, text, strlen(text)))
			return of_rejections[i].advice;
	}
	return "remove the cause, then replay";
}

const char *dead_letter_advice(const char *outcome, const char *message, const char *reason)
{
	if (!strcmp(message, message_name(MSG_OUT_OF_STOCK)))
		return "check the mail server and ALLOCD_SMTP_URL, then replay: the mail is sent again";
	if (!strcmp(outcome, "rejected"))
		return advice_about_rejection(reason);
	if (strcmp(outcome, "invalid") != 0)
		return "once the database accepts it, replay";
	if (message_type_named(message) == MSG_NONE)
		return "correct the publisher and discard, or replay once a worker knows the type";
	return "correct the publisher; edit the field that the reason names and replay, or discard";
}
