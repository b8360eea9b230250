/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#ifdef HAVE_MEMFD_CREATE
#include <sys/mman.h>
#endif
#include <sys/statvfs.h>
#include <sysexits.h>
#include <unistd.h>

#include "os/clock.h"

#define READ_STEP    65536
#define REPLACE_TRY  16
#define LOCK_STEP_MS 2 /* between looks at a lock; no call waits for one until a time */
#define MODE_NONE    0
#define FLAGS_ALWAYS (O_CLOEXEC | O_NOCTTY)
#ifndef O_PATH
#define O_PATH (O_RDONLY | O_NONBLOCK)
#endif

static enum fault_kind class_of(int sys, enum fault_kind otherwise)
{
	switch (sys) {
	case EACCES:
	case EPERM:
		return FAULT_NOPERM;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOBUFS:
	case ENOLCK:
	case EMLINK:
	case EAGAIN:
		return FAULT_TEMP;
	default:
		return otherwise;
	}
}

/* Fills *f from errno: "cannot VERB PATH: REASON". */
static bool failed(struct fault *f, enum fault_kind otherwise, const char *verb,
                   const char *path)
{
	int sys = errno;
	return fault_sys(f, class_of(sys, otherwise), sys, "cannot %s %s", verb, path);
}

static int open_again(int dir, const char *path, int flags, mode_t mode)
{
	int fd;
	do {
		fd = openat(dir, path, flags | FLAGS_ALWAYS, mode);
	} while (fd < 0 && errno == EINTR);
	return fd;
}

static bool open_as(int dir, const char *path, int flags, int *fd, struct fault *f)
{
	*fd = open_again(dir, path, flags, MODE_NONE);
	return *fd >= 0 || failed(f, FAULT_IO, "open", path);
}

static bool create_as(int dir, const char *path, int flags, mode_t mode, int *fd,
                      struct fault *f)
{
	*fd = open_again(dir, path, flags | O_CREAT | O_NOFOLLOW, mode);
	return *fd >= 0 || failed(f, FAULT_CREATE, "create", path);
}

/* Not through open_as: the name is a link of the kernel's. */
bool file_open_first_stderr(int *fd)
{
	do {
		*fd = open("/proc/1/fd/2",
		           O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	} while (*fd < 0 && errno == EINTR);
	return *fd >= 0;
}

void file_std_open(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) != -1)
			continue;
		int made;
		/* The lowest free number is taken, and all below fd are in use. */
		do {
			made = open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDWR);
		} while (made < 0 && errno == EINTR);
		if (made != fd)
			_exit(EX_OSERR);
	}
}

int file_null(void)
{
	int fd;
	do
		fd = open("/dev/null", O_RDWR);
	while (fd < 0 && errno == EINTR);
	return fd;
}

bool file_open_dir(int dir, const char *path, int *fd, struct fault *f)
{
	return open_as(dir, path, O_RDONLY | O_DIRECTORY, fd, f);
}

bool file_open_list(int dir, const char *path, DIR **list, struct fault *f)
{
	int fd;
	if (!file_open_dir(dir, path, &fd, f))
		return false;
	*list = fdopendir(fd);
	if (*list)
		return true;
	int sys = errno;
	close(fd);
	return fault_sys(f, FAULT_TEMP, sys, "%s", path);
}

bool file_open_read(int dir, const char *path, int *fd, struct fault *f)
{
	return open_as(dir, path, O_RDONLY, fd, f);
}

bool file_is_regular(int fd, const char *path, struct stat *st, struct fault *f)
{
	return file_stat(fd, path, st, f) &&
	       (S_ISREG(st->st_mode) ||
	        fault_set(f, FAULT_IO, "cannot use %s: it is not a regular file", path));
}

static bool open_regular(int dir, const char *path, int flags, int *fd, struct stat *st,
                         struct fault *f)
{
	struct stat own;
	if (!open_as(dir, path, flags | O_NONBLOCK, fd, f))
		return false;
	if (file_is_regular(*fd, path, st ? st : &own, f))
		return true;
	close(*fd);
	*fd = -1;
	return false;
}

bool file_open_regular(int dir, const char *path, int *fd, struct stat *st, struct fault *f)
{
	return open_regular(dir, path, O_RDONLY, fd, st, f);
}

bool file_open_update(int dir, const char *path, int *fd, struct stat *st, struct fault *f)
{
	return open_regular(dir, path, O_RDWR | O_NOFOLLOW, fd, st, f);
}

bool file_open_plain(int dir, const char *path, int *fd, struct stat *st, struct fault *f)
{
	return open_regular(dir, path, O_RDONLY | O_NOFOLLOW, fd, st, f);
}

bool file_open_unseen(int dir, const char *path, int *fd, struct fault *f)
{
	return open_as(dir, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, fd, f);
}

int file_open_path(const char *path)
{
	return open_again(AT_FDCWD, path, O_PATH, MODE_NONE);
}

bool file_create(int dir, const char *path, mode_t mode, int *fd, struct fault *f)
{
	return create_as(dir, path, O_RDWR | O_EXCL, mode, fd, f);
}

bool file_open_or_create(int dir, const char *path, mode_t mode, int *fd, struct fault *f)
{
	struct fault now = FAULT_INIT;
	if (file_open_update(dir, path, fd, NULL, &now))
		return true;
	/* Another process may make it in between. */
	if (now.sys == ENOENT &&
	    (file_create(dir, path, mode, fd, &now) ||
	     (now.sys == EEXIST && file_open_update(dir, path, fd, NULL, &now))))
		return true;
	*f = now;
	return false;
}

bool file_open_append(int dir, const char *path, mode_t mode, int *fd, struct fault *f)
{
	const int flags = O_WRONLY | O_APPEND | O_NONBLOCK;
	return mode == 0 ? open_as(dir, path, flags | O_NOFOLLOW, fd, f)
	                 : create_as(dir, path, flags, mode, fd, f);
}

bool file_close(int fd, const char *path, struct fault *f)
{
	/* Never again, even after EINTR: the number may be another file's by then. */
	return close(fd) == 0 || failed(f, FAULT_IO, "finish writing", path);
}

/* After a call failed: may it be made again? Waits if the file is not ready. */
static bool again(int fd, short events)
{
	struct pollfd ready = {.fd = fd, .events = events};
	if (errno == EINTR)
		return true;
	if (errno != EAGAIN && errno != EWOULDBLOCK)
		return false;
	return poll(&ready, 1, -1) >= 0 || errno == EINTR;
}

bool file_read(int fd, const char *path, char *to, size_t len, size_t *got, struct fault *f)
{
	ssize_t n;
	do {
		n = read(fd, to, len);
	} while (n < 0 && again(fd, POLLIN));
	*got = n < 0 ? 0 : (size_t)n;
	return n >= 0 || failed(f, FAULT_IO, "read", path);
}

bool file_read_at(int fd, const char *path, int64_t at, char *to, size_t len, size_t *got,
                  struct fault *f)
{
	ssize_t n;
	do {
		n = pread(fd, to, len, (off_t)at);
	} while (n < 0 && again(fd, POLLIN));
	*got = n < 0 ? 0 : (size_t)n;
	return n >= 0 || failed(f, FAULT_IO, "read", path);
}

/* A small file takes no more memory than it needs, with a byte to see its end by. */
static size_t first_step(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
	               st.st_size < READ_STEP
	           ? (size_t)st.st_size + 1
	           : READ_STEP;
}

bool file_read_all(int fd, const char *path, struct buf *out, struct fault *f)
{
	for (size_t want = first_step(fd);;) {
		size_t left = out->max - out->len, got;
		size_t step = left < want ? left : want;
		char one = 0, *to = step > 0 ? buf_room(out, step) : &one;
		if (!file_read(fd, path, to, step > 0 ? step : 1, &got, f))
			return false;
		if (got == 0)
			return true;
		if (step == 0)
			return fault_set(f, FAULT_DATA, "%s is longer than %zu bytes", path,
			                 out->max);
		buf_filled(out, got);
		/* What is there already is filled first. */
		want = out->cap > out->len ? out->cap - out->len : READ_STEP;
	}
}

bool file_read_path(int dir, const char *path, struct buf *out, struct fault *f)
{
	int fd;
	if (!file_open_read(dir, path, &fd, f))
		return false;
	bool done = file_read_all(fd, path, out, f);
	close(fd);
	return done;
}

/* A write of nothing sets no errno and would be tried for ever. */
static bool write_failed(ssize_t n, const char *path, struct fault *f)
{
	if (n == 0)
		errno = EIO;
	return failed(f, FAULT_IO, "write", path);
}

bool file_write(int fd, const char *path, struct str data, struct fault *f)
{
	while (data.len > 0) {
		ssize_t n = write(fd, data.at, data.len);
		if (n > 0)
			data = str_from(data, (size_t)n);
		else if (n == 0 || !again(fd, POLLOUT))
			return write_failed(n, path, f);
	}
	return true;
}

bool file_write_at(int fd, const char *path, int64_t at, struct str data, struct fault *f)
{
	while (data.len > 0) {
		ssize_t n = pwrite(fd, data.at, data.len, (off_t)at);
		if (n > 0) {
			data = str_from(data, (size_t)n);
			at += n;
		} else if (n == 0 || !again(fd, POLLOUT)) {
			return write_failed(n, path, f);
		}
	}
	return true;
}

/* The n-th temporary name beside path: hidden, and of this process only. */
static char *replace_name(const char *path, int n)
{
	size_t slash = str_rfind(str_of(path), '/');
	size_t base = slash == STR_NONE ? 0 : slash + 1;
	return mem_printf("%.*s.%s.%ld.%d", (int)base, path, path + base, (long)getpid(), n);
}

bool file_replace(int dir, const char *path, mode_t mode, struct str data, struct fault *f)
{
	char *name = NULL;
	bool done = false;
	int fd = -1;
	for (int n = 0; n < REPLACE_TRY && fd < 0; n++) {
		free(name);
		name = replace_name(path, n);
		if (!file_create(dir, name, mode, &fd, f) && f->sys != EEXIST)
			break;
	}
	if (fd < 0)
		goto out;
	done = file_write(fd, path, data, f);
	if (done)
		done = file_close(fd, path, f);
	else
		close(fd);
	done = done && file_rename(dir, name, dir, path, f);
	if (!done)
		unlinkat(dir, name, 0);
out:
	free(name);
	return done;
}

void file_hurry(int fd, int64_t at, int64_t len)
{
#ifdef SYNC_FILE_RANGE_WRITE
	(void)!sync_file_range(fd, (off_t)at, (off_t)len, SYNC_FILE_RANGE_WRITE);
#else
	(void)fd;
	(void)at;
	(void)len;
#endif
}

/* No sync is made twice: after a failure the pages may be marked clean. */
bool file_sync(int fd, const char *path, struct fault *f)
{
#ifdef F_FULLFSYNC
	if (fcntl(fd, F_FULLFSYNC) == 0)
		return true;
	if (errno != ENOTSUP && errno != EINVAL)
		return failed(f, FAULT_IO, "sync", path);
#endif
	return fsync(fd) == 0 || failed(f, FAULT_IO, "sync", path);
}

bool file_sync_data(int fd, const char *path, struct fault *f)
{
#ifdef F_FULLFSYNC
	return file_sync(fd, path, f);
#else
	return fdatasync(fd) == 0 || failed(f, FAULT_IO, "sync", path);
#endif
}

/* A name that must not exist, where the system can only link and unlink. */
static int move_by_link(int from_dir, const char *from, int to_dir, const char *to)
{
	if (linkat(from_dir, from, to_dir, to, 0) != 0)
		return -1;
	if (unlinkat(from_dir, from, 0) == 0)
		return 0;
	/* The name to is ours: linkat would have failed otherwise. */
	int sys = errno;
	unlinkat(to_dir, to, 0);
	errno = sys;
	return -1;
}

static int move_exclusive(int from_dir, const char *from, int to_dir, const char *to)
{
#if defined(HAVE_RENAMEAT2) && defined(RENAME_NOREPLACE)
	if (renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
#endif
	return move_by_link(from_dir, from, to_dir, to);
}

bool file_publish(int from_dir, const char *from, int to_dir, const char *to, struct fault *f)
{
	return move_exclusive(from_dir, from, to_dir, to) == 0 ||
	       failed(f, FAULT_CREATE, "create", to);
}

bool file_rename(int from_dir, const char *from, int to_dir, const char *to, struct fault *f)
{
	return renameat(from_dir, from, to_dir, to) == 0 ||
	       failed(f, FAULT_CREATE, "create", to);
}

bool file_unlink(int dir, const char *path, struct fault *f)
{
	return unlinkat(dir, path, 0) == 0 || failed(f, FAULT_IO, "remove", path);
}

static bool make_dir(const char *path, mode_t mode, struct fault *f)
{
	if (mkdir(path, mode) == 0)
		return true;
	/* Not only EEXIST: a read-only or guarded parent may hide that it exists. */
	int sys = errno;
	struct stat st;
	if (stat(path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return true;
		sys = ENOTDIR;
	}
	errno = sys;
	return failed(f, FAULT_CREATE, "create directory", path);
}

bool file_make_dirs(const char *path, mode_t mode, struct fault *f)
{
	char *name = mem_copy(str_of(path));
	bool done = true;
	for (char *at = name; done && *at != '\0'; at++) {
		if (*at != '/' || at == name || at[-1] == '/')
			continue;
		*at = '\0';
		done = make_dir(name, mode, f);
		*at = '/';
	}
	free(name);
	return done && make_dir(path, mode, f);
}

bool file_own(int fd, const char *path, uid_t owner, gid_t group, mode_t mode, struct fault *f)
{
	return (fchown(fd, owner, group) == 0 && fchmod(fd, mode) == 0) ||
	       failed(f, FAULT_IO, "give its owner and mode to", path);
}

bool file_make_dir(int dir, const char *name, uid_t owner, gid_t group, mode_t mode,
                   struct fault *f)
{
	/* Closed until it has its owner, whatever the umask. */
	if (mkdirat(dir, name, 0700) != 0)
		return failed(f, FAULT_CREATE, "create directory", name);
	int fd;
	if (!open_as(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, &fd, f))
		return false;
	bool done = file_own(fd, name, owner, group, mode, f);
	close(fd);
	return done;
}

static bool try_lock(int fd, const char *path, int kind, bool *locked, struct fault *f)
{
	int rc;
	do {
		rc = flock(fd, kind | LOCK_NB);
	} while (rc != 0 && errno == EINTR);
	*locked = rc == 0;
	return rc == 0 || errno == EWOULDBLOCK || failed(f, FAULT_IO, "lock", path);
}

bool file_try_lock(int fd, const char *path, bool *locked, struct fault *f)
{
	return try_lock(fd, path, LOCK_EX, locked, f);
}

bool file_lock_soon(int fd, const char *path, int ms, bool *locked, struct fault *f)
{
	bool ok;
	while ((ok = file_try_lock(fd, path, locked, f)) && !*locked && ms > 0) {
		clock_pause_ms(LOCK_STEP_MS);
		ms -= LOCK_STEP_MS;
	}
	return ok;
}

bool file_try_share(int fd, const char *path, bool *locked, struct fault *f)
{
	return try_lock(fd, path, LOCK_SH, locked, f);
}

void file_unlock(int fd)
{
	flock(fd, LOCK_UN);
}

bool file_lock_seen(int fd, const char *path, bool *busy, struct fault *f)
{
	bool locked, ok = file_try_share(fd, path, &locked, f);
	*busy = !locked;
	if (locked)
		file_unlock(fd);
	return ok;
}

enum file_byte file_take_byte(int fd, int64_t at)
{
	struct flock byte = {
	    .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)at, .l_len = 1};
	int rc;
	do {
		rc = fcntl(fd, F_SETLK, &byte);
	} while (rc != 0 && errno == EINTR);
	if (rc == 0)
		return BYTE_TAKEN;
	return errno == EACCES || errno == EAGAIN ? BYTE_BUSY : BYTE_NO_LOCKS;
}

bool file_byte_taken(int fd, int64_t *at)
{
	struct flock byte = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)*at};
	if (fcntl(fd, F_GETLK, &byte) != 0 || byte.l_type == F_UNLCK)
		return false;
	if ((int64_t)byte.l_start > *at)
		*at = (int64_t)byte.l_start;
	return true;
}

bool file_stat(int fd, const char *path, struct stat *st, struct fault *f)
{
	return fstat(fd, st) == 0 || failed(f, FAULT_IO, "examine", path);
}

bool file_stat_name(int dir, const char *path, struct stat *st, struct fault *f)
{
	return fstatat(dir, path, st, AT_SYMLINK_NOFOLLOW) == 0 ||
	       failed(f, FAULT_IO, "examine", path);
}

bool file_is_read_only(const char *path)
{
	struct statvfs fs;
	return statvfs(path, &fs) == 0 && (fs.f_flag & ST_RDONLY) != 0;
}

bool file_free_space(const char *path, uint64_t *bytes, struct fault *f)
{
	struct statvfs st;
	int rc;
	do {
		rc = statvfs(path, &st);
	} while (rc != 0 && errno == EINTR);
	if (rc != 0)
		return failed(f, FAULT_IO, "examine the file system of", path);
	uint64_t unit = st.f_frsize > 0 ? st.f_frsize : st.f_bsize;
	if (unit > 0 && st.f_bavail > UINT64_MAX / unit)
		*bytes = UINT64_MAX;
	else
		*bytes = st.f_bavail * unit;
	return true;
}
