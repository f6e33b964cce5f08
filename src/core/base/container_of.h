/*
 * Returns the struct that contains a member: an adapter that implements several ports gets from a port to
 * itself with it.
 */
#ifndef ALLOCD_CORE_BASE_CONTAINER_OF_H
#define ALLOCD_CORE_BASE_CONTAINER_OF_H

#include <stddef.h>

#define container_of(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
