/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* privileges - what a recorder that runs for long keeps of its rights */
#ifndef TRACER_RECORD_PRIVILEGES_H
#define TRACER_RECORD_PRIVILEGES_H

/*
 * The calling thread, and those that it begins later, keep the capabilities that recording needs:
 * to load programs and attach probes, to read what processes have mapped and the files of that, to
 * go before others. All else is given up for good, among it to write where the user's own rights
 * do not suffice. Programs that are started before are not affected.
 */
void privileges_drop(void);

#endif
