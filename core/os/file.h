/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * file - the system calls on files
 *
 * The only caller of open, rename, link, unlink, fsync and their like in the
 * program: what must hold of each of them (no link followed, taken up again
 * after a signal, which failure is of which kind) is seen to once. Every
 * descriptor is close-on-exec. Interrupted calls are
 * taken up again. A failed sync is never repeated (the kernel may have dropped
 * the pages and then report success).
 *
 * dir is a directory's descriptor, or AT_FDCWD. Faults name the file; kind
 * FAULT_TEMP (full disk, quota, limits), FAULT_NOPERM (EACCES, EPERM),
 * FAULT_CREATE when something cannot be created, FAULT_IO otherwise; fault.sys
 * holds errno, so that a caller can tell ENOENT and EEXIST.
 */
#ifndef OS_FILE_H
#define OS_FILE_H

#include <dirent.h>
#include <stdint.h>
#include <sys/stat.h>

#include "text/buf.h"
#include "text/fault.h"

/* Offsets are int64_t all over, and inode numbers may need as much (config.h sees to it). */
_Static_assert(sizeof(off_t) >= 8 && sizeof(ino_t) >= 8, "files have offsets of 64 bits");

/* Descriptors 0, 1 and 2 exist after this: missing ones are /dev/null (0 is
 * opened write-only, so that reading a closed standard input still fails).
 * Ends the process with 71 if that cannot be done. */
void file_std_open(void);
/* /dev/null, to be read and written, as the lowest number that is free; -1 with errno.
 * Safe after a fork. */
int file_null(void);

bool file_open_dir(int dir, const char *path, int *fd, struct fault *f);
/* A directory to be read by readdir(3), and closed by closedir. */
bool file_open_list(int dir, const char *path, DIR **list, struct fault *f);
bool file_open_read(int dir, const char *path, int *fd, struct fault *f);
/* Read a regular file, links followed, not waiting on a FIFO; what it is, is in
 * *st. Something else than a regular file is FAULT_IO with f->sys 0. */
bool file_open_regular(int dir, const char *path, int *fd, struct stat *st, struct fault *f);
/* Read and write an existing regular file: not through a link, not waiting on a
 * FIFO; what it is, is in *st, unless that is NULL. Something else than a regular file is
 * FAULT_IO with f->sys 0. */
bool file_open_update(int dir, const char *path, int *fd, struct stat *st, struct fault *f);
/* The same, made with that mode first if it is missing. */
bool file_open_or_create(int dir, const char *path, mode_t mode, int *fd, struct fault *f);
/* As file_open_update, only to read it. */
bool file_open_plain(int dir, const char *path, int *fd, struct stat *st, struct fault *f);
/* The same of whatever it is, for who reads many and asks of what makes no sense (with
 * file_is_regular, whose fault is the one above). */
bool file_open_unseen(int dir, const char *path, int *fd, struct fault *f);
bool file_is_regular(int fd, const char *path, struct stat *st, struct fault *f);
/* Only to point at a file or directory, neither to read nor to write it; without
 * effect on it where the system can do that (O_PATH). Below 0 with errno: for one that is
 * often not there, nobody wants a text. */
int file_open_path(const char *path);
/* A directory for that owner and group, who may differ from ours. */
bool file_make_dir(int dir, const char *name, uid_t owner, gid_t group, mode_t mode,
                   struct fault *f);
bool file_own(int fd, const char *path, uid_t owner, gid_t group, mode_t mode, struct fault *f);
/* Must not exist (O_EXCL|O_NOFOLLOW). */
bool file_create(int dir, const char *path, mode_t mode, int *fd, struct fault *f);
/* Opened for appending, created with that mode if it is missing (0: not created). */
bool file_open_append(int dir, const char *path, mode_t mode, int *fd, struct fault *f);
/* Standard error of the first process of all, which in a container leads to the
 * container's log; false on most other systems. */
bool file_open_first_stderr(int *fd);
/* Closes; a failure counts as a failed write. fd is closed in any case. */
bool file_close(int fd, const char *path, struct fault *f);

/* Everything up to EOF is added to out; more than out's maximum is FAULT_DATA. */
bool file_read_all(int fd, const char *path, struct buf *out, struct fault *f);
bool file_read_path(int dir, const char *path, struct buf *out, struct fault *f);
/* At most len bytes, at least 1; 0 in *got is EOF. */
bool file_read(int fd, const char *path, char *to, size_t len, size_t *got, struct fault *f);
bool file_read_at(int fd, const char *path, int64_t at, char *to, size_t len, size_t *got,
                  struct fault *f);
bool file_write(int fd, const char *path, struct str data, struct fault *f);
bool file_write_at(int fd, const char *path, int64_t at, struct str data, struct fault *f);
/* A whole small file replaced at once (temporary name, rename; no sync): for state. */
bool file_replace(int dir, const char *path, mode_t mode, struct str data, struct fault *f);

/* Has what was written there begin its way to the disk, where the system can be asked: a
 * later sync has less to wait for. Promises nothing. */
void file_hurry(int fd, int64_t at, int64_t len);
bool file_sync(int fd, const char *path, struct fault *f);      /* data and metadata */
bool file_sync_data(int fd, const char *path, struct fault *f); /* data only */

/* from is given the name to, which must not exist: EEXIST in f->sys if it does.
 * Where rename cannot promise that, the file has both names for a moment; if
 * from cannot be removed then, to is removed again. */
bool file_publish(int from_dir, const char *from, int to_dir, const char *to, struct fault *f);
/* The same, but to may exist and is replaced. */
bool file_rename(int from_dir, const char *from, int to_dir, const char *to, struct fault *f);
bool file_unlink(int dir, const char *path, struct fault *f);
/* Makes the directory and its missing parents, all with mode. */
bool file_make_dirs(const char *path, mode_t mode, struct fault *f);

/* An exclusive lock on the open file without waiting. *locked says whether it
 * was free; false only for a real failure. */
bool file_try_lock(int fd, const char *path, bool *locked, struct fault *f);
/* The same, but waits until it is free, for about ms. */
bool file_lock_soon(int fd, const char *path, int ms, bool *locked, struct fault *f);
/* As file_try_lock, but others may have it so too: it keeps off exclusive locks alone. */
bool file_try_share(int fd, const char *path, bool *locked, struct fault *f);
void file_unlock(int fd);
/* Is the file locked by somebody? Takes no lasting lock. */
bool file_lock_seen(int fd, const char *path, bool *busy, struct fault *f);
/* A lock on one byte of a file, which need not be there, without waiting. It is this process',
 * not the descriptor's: it ends with the process, or when that closes any descriptor of the
 * file. */
enum file_byte { BYTE_TAKEN, BYTE_BUSY, BYTE_NO_LOCKS };
enum file_byte file_take_byte(int fd, int64_t at);
/* The first byte from *at on that another process has; false: none. */
bool file_byte_taken(int fd, int64_t *at);
bool file_stat(int fd, const char *path, struct stat *st, struct fault *f);
bool file_stat_name(int dir, const char *path, struct stat *st, struct fault *f); /* lstat */
/* Is what it is mounted with read-only? What cannot be found out is not so. */
bool file_is_read_only(const char *path);
/* Bytes free to the caller on the file system of path. */
bool file_free_space(const char *path, uint64_t *bytes, struct fault *f);

#endif
