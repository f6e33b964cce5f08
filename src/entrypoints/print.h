/*
 * What commands print.  Whatever a stranger sent, a service said or somebody typed may be in it: what a
 * terminal would obey (utf8_is_control()) is escaped as JSON does, so that JSON stays the same.
 */
#ifndef ALLOCD_ENTRYPOINTS_PRINT_H
#define ALLOCD_ENTRYPOINTS_PRINT_H

#include <jansson.h>
#include <stdio.h>

/* "allocd: …", one line on standard error. */
__attribute__((format(printf, 1, 2))) void print_error(const char *format, ...);

/* One line; releases `json`. */
void json_line_print(json_t *json, FILE *out);

#endif
