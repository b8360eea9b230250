/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sandbox - giving up, for good, what a process does not need
 *
 * For a process that is about to read what strangers send. It keeps its
 * descriptors, memory, children and the network; of files it keeps those that
 * it names, and what the C library and GnuTLS read on any system (/etc, /usr,
 * libraries, time zones, the resolver's files). Children inherit all of it.
 *
 *   no new privileges  no program run later gains any by its set-id bits
 *   capabilities       of root's, only those for other people's files are kept; the
 *                      system as a whole, other users and mounts go with the rest
 *   calls (seccomp)    of what anybody may do, refused: other programs, tracing, rights
 *                      of files, name spaces, keys, bpf, io_uring ...: EPERM;
 *                      sockets but UNIX, IP and routing netlink: EAFNOSUPPORT; input
 *                      put into a terminal: EPERM
 *   files (Landlock)   EACCES for all others; files are granted, not names: one
 *                      that is replaced afterwards is another one
 *
 * What kernel or build lacks is left out without a word. Landlock restricts
 * neither stat(2) nor connecting to UNIX sockets. Where there is socketcall(2)
 * (32-bit x86, s390x, powerpc) all kinds of sockets can still be had: no filter
 * sees into that, and glibc needs it. With the address sanitizer there is no
 * Landlock and tracing is allowed: it writes reports where it is told, and
 * traces its own process at the end.
 */
#ifndef OS_SANDBOX_H
#define OS_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

/* What was done. */
enum sandbox_done { SANDBOX_PRIVILEGES = 1, SANDBOX_CALLS = 2, SANDBOX_FILES = 4 };

/* What is kept; all borrowed, and needed no longer than the call takes. */
struct sandbox_wishes {
	/* Open directories (negative: not this one). Files in them are made, read,
	 * written, removed, and moved from one to another. */
	const int *rooms;
	size_t room_count;
	/* Read: files, or directories with all below; NULLs are skipped, and what
	 * is missing or cannot be reached stays so. */
	const char *const *files;
	size_t file_count;
	const char *append; /* a file that exists, to be written; or NULL */
	/* Programs will be run. They need files and calls that nobody here knows:
	 * files are not narrowed then, and of the calls only those are refused
	 * that are a way into the kernel. */
	bool programs;
};

/* No core file, and no other process of the same user can look into this one
 * (Linux) until it becomes another program. To be called before there is a
 * secret in memory. */
void sandbox_hide(void);

/* Cannot be taken back, and can only become less when done again. Returns bits
 * of enum sandbox_done; a lack of descriptors or memory also means less. */
unsigned sandbox(const struct sandbox_wishes *wishes);

/* What a child of a narrowed process keeps open, so that it need not look for the system's
 * files once more when it wishes for nothing at all; below 0: nothing. Closed by exec. */
int sandbox_descriptor(void);

#endif
