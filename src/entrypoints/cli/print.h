/*
 * Prints text that may come from messages, services or the command line: control characters
 * (utf8_is_control()) are escaped as in JSON, so that a terminal does not obey them and JSON keeps its
 * meaning.
 */
#ifndef ALLOCD_ENTRYPOINTS_CLI_PRINT_H
#define ALLOCD_ENTRYPOINTS_CLI_PRINT_H

#include <jansson.h>
#include <stdio.h>

/* The program that print_error() names; "allocd" until this is called.  It must stay valid. */
void print_errors_as(const char *program);

/* "allocd: …", one line on standard error. */
__attribute__((format(printf, 1, 2))) void print_error(const char *format, ...);

/*
 * Prints our own text, in lines of at most 80 columns, the first of which is at `column` already.  A line
 * break in the text counts as a blank.
 */
void print_wrapped(int column, const char *text);

/* Prints an item of a list: its name, and its text from `column` on. */
void print_item(int column, const char *name, const char *text);

/* Prints one line and releases `json`. */
void json_line_print(json_t *json, FILE *out);

#endif
