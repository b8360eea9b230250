/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sandbox_parts - the mechanisms of one kernel each; used by os/sandbox only
 *
 * Both need a process that gains no privileges any more. False: not to be had
 * here, and nothing was changed.
 */
#ifndef OS_SANDBOX_PARTS_H
#define OS_SANDBOX_PARTS_H

#include "os/sandbox.h"

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define SANDBOX_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(SANDBOX_SANITIZED)
#define SANDBOX_SANITIZED 1
#endif

bool sandbox_files(const struct sandbox_wishes *wishes);
bool sandbox_calls(bool programs);

#endif
