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

/* Prints one line and releases `json`. */
void json_line_print(json_t *json, FILE *out);

#endif
