/* What to do about a dead letter, by what went wrong. */
#ifndef ALLOCD_ENTRYPOINTS_DEAD_LETTERS_DEAD_LETTER_ADVICE_H
#define ALLOCD_ENTRYPOINTS_DEAD_LETTERS_DEAD_LETTER_ADVICE_H

/* About one whose message was handled since, under the same id. */
extern const char dead_letter_advice_handled[];

/* About any other one.  One line; `message` is its recorded name. */
const char *dead_letter_advice(const char *outcome, const char *message, const char *reason);

#endif
