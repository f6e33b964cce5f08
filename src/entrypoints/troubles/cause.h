/* Finds the trouble that an error of the database or of Redis means, by the code or the words in its text. */
#ifndef ALLOCD_ENTRYPOINTS_TROUBLES_CAUSE_H
#define ALLOCD_ENTRYPOINTS_TROUBLES_CAUSE_H

#include "entrypoints/troubles/trouble.h"

struct cause {
	enum trouble_code code;
	const char *advice; /* NULL: that of the code */
};

/*
 * `text`: the error, which usually ends with its code, such as "(SQLSTATE 53100)"; "": there was no answer.
 * An error that no code names is TROUBLE_STALLED.
 */
struct cause cause_of_database(const char *text);

/* `otherwise`: the code of an error that the table lacks. */
struct cause cause_of_redis(const char *text, enum trouble_code otherwise);

#endif
