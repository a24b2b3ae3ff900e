/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* vdso - the library that the kernel maps into each process */
#ifndef TRACER_SYMBOLS_VDSO_H
#define TRACER_SYMBOLS_VDSO_H

#include "user/base/util.h"

/**
 * vdso_open() - a file with the content of a vDSO
 * @pid:     of the process, as /proc numbers it
 * @address: where its vDSO is mapped
 * @bytes:   how much of it
 *
 * From the memory of the process while it lives. Else ours is taken: all 64-bit processes of
 * one running kernel have the same.
 *
 * Return: a descriptor to be closed; -ESRCH for a 32-bit process that is gone; other errnos.
 */
int vdso_open(u32 pid, u64 address, u64 bytes);

#endif
