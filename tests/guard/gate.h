/*
 * A gate at every port: instructions are counted while the worker's own code runs (core, bus, codec, and what
 * they call of libraries), and not while that of the ports' fakes does.
 *
 * Ports are the one seam that stays where it is when the code on either side of it changes.
 */
#ifndef ALLOCD_TESTS_GUARD_GATE_H
#define ALLOCD_TESTS_GUARD_GATE_H

#include "bus/engine/engine.h"

#include <stdbool.h>

/* Puts the gates into the ports, before an engine is made of them. */
void gate_install(struct engine_ports *ports);

/* Once the engine is gone: another set of ports may have the gates. */
void gate_remove(void);

/* A caller of the worker's code opens the gate before, and closes it after. */
void gate_open(void);
void gate_close(void);

/* Counts from zero; writes down what was counted since. */
void gate_begin(void);
void gate_end(const char *name);

#endif
