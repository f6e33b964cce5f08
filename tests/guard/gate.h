/*
 * A gate at every port: instructions are counted while the worker's own code runs (core, bus, codec, and the
 * library functions that they call), and not while the fakes of the ports run.
 *
 * The ports stay the same when the code on either side of them changes.
 */
#ifndef ALLOCD_TESTS_GUARD_GATE_H
#define ALLOCD_TESTS_GUARD_GATE_H

#include "bus/engine/engine.h"

#include <stdbool.h>

/* Inserts the gates into the ports, before an engine is created with them. */
void gate_install(struct engine_ports *ports);

/* Removes the gates, after the engine is freed, for another set of ports. */
void gate_remove(void);

/* A caller of the worker's code opens the gate before the call, and closes it afterwards. */
void gate_open(void);
void gate_close(void);

/* Resets the count; dumps the count since then. */
void gate_begin(void);
void gate_end(const char *name);

#endif
