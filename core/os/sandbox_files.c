/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "os/sandbox_parts.h"

#include <sys/syscall.h>

#if defined(HAVE_LINUX_LANDLOCK_H) && defined(__NR_landlock_create_ruleset) && \
    !defined(SANDBOX_SANITIZED)

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"

/* Newer than the oldest header with Landlock. */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif
#ifndef LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#endif
#ifndef LANDLOCK_SCOPE_SIGNAL
#define LANDLOCK_SCOPE_SIGNAL (1ULL << 1)
#endif

/* Versions of the interface that brought something. */
enum { ABI_REFER = 2, ABI_TRUNCATE = 3, ABI_IOCTL = 5, ABI_SCOPE = 6 };

#define ALL_OF_ABI_1 ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)
#define READ         (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE        (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)
/* The same for all rooms: nothing may gain a right by being moved. */
#define ROOM                                                                           \
	(READ | WRITE | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
	 LANDLOCK_ACCESS_FS_REFER)
/* What can be granted for a file that is not a directory. */
#define OF_FILES (LANDLOCK_ACCESS_FS_READ_FILE | WRITE)

/* The kernel takes a struct that is longer than its own as long as what it does
 * not know is 0; the header's may be shorter than what the kernel knows. */
struct ruleset {
	uint64_t files, net, scoped;
};

/* Rulesets that are made at once: what is opened goes into all of them. */
struct fence {
	int fds[2];
	size_t count;
	uint64_t handled;
};

/* The ruleset of a process that wishes for nothing, once another was made: its children
 * look for no file again. */
static int bare = -1;

/* Read by the C library, its name service modules, GnuTLS and p11-kit. What is
 * at home in a place of its own on some systems is here too. */
static const char *const system_paths[] = {
    "/etc",
    "/usr",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt",
    "/nix/store",
    "/gnu/store",
    "/home/linuxbrew/.linuxbrew",
    "/proc",
    "/sys/devices/system/cpu",
    "/dev/random",
    "/dev/urandom",
    "/run/systemd",
    "/run/resolvconf",
    "/run/NetworkManager",
    "/run/nscd",
    "/run/current-system",
    "/var/db",
    "/var/lib/ca-certificates",
    "/var/lib/extrausers",
    "/var/lib/libvirt/dnsmasq",
    "/var/lib/misc",
    "/var/lib/sss",
    "/var/yp",
};

/* Often links to somewhere else, or replaced by a new file while we run: all of
 * the folder that they are in at last. */
static const char *const system_links[] = {
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/localtime",
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
};

static bool allow(const struct fence *fence, int fd, uint64_t rights)
{
	struct landlock_path_beneath_attr rule = {.parent_fd = fd};
	struct stat st;
	if (fstat(fd, &st) != 0)
		return false;
	if (!S_ISDIR(st.st_mode))
		rights &= OF_FILES;
	rule.allowed_access = rights & fence->handled;
	for (size_t i = 0; i < fence->count; i++)
		/* EBADFD: a pipe or the like, which is not restricted. */
		if (syscall(__NR_landlock_add_rule, fence->fds[i], LANDLOCK_RULE_PATH_BENEATH,
		            &rule, 0) != 0 &&
		    errno != EBADFD)
			return false;
	return true;
}

/* Could it be opened at another moment? */
static bool is_passing(int sys)
{
	return sys == EMFILE || sys == ENFILE || sys == ENOMEM || sys == EIO;
}

static bool allow_path(const struct fence *fence, const char *path, uint64_t rights)
{
	int fd = file_open_path(path);
	if (fd < 0)
		return !is_passing(errno);
	bool done = allow(fence, fd, rights);
	close(fd);
	return done;
}

/* Is a canonical path below one that is allowed already? */
static bool is_below_system(const char *at)
{
	for (size_t i = 0; i < COUNT(system_paths); i++) {
		size_t len = strlen(system_paths[i]);
		if (strncmp(at, system_paths[i], len) == 0 && (at[len] == '/' || !at[len]))
			return true;
	}
	return false;
}

static bool allow_folder_of(const struct fence *fence, const char *path)
{
	char at[PATH_MAX];
	if (!realpath(path, at))
		return !is_passing(errno);
	char *slash = strrchr(at, '/');
	if (!slash || slash == at)
		return true;
	*slash = '\0';
	return is_below_system(at) || allow_path(fence, at, READ);
}

static bool allow_system(const struct fence *fence)
{
	for (size_t i = 0; i < COUNT(system_paths); i++)
		if (!allow_path(fence, system_paths[i], READ))
			return false;
	for (size_t i = 0; i < COUNT(system_links); i++)
		if (!allow_folder_of(fence, system_links[i]))
			return false;
	return allow_path(fence, "/dev/null", READ | WRITE);
}

static bool allow_wishes(const struct fence *fence, const struct sandbox_wishes *w)
{
	for (size_t i = 0; i < w->room_count; i++)
		if (w->rooms[i] >= 0 && !allow(fence, w->rooms[i], ROOM))
			return false;
	for (size_t i = 0; i < w->file_count; i++)
		if (w->files[i] && !allow_path(fence, w->files[i], READ))
			return false;
	return !w->append || allow_path(fence, w->append, WRITE);
}

static struct ruleset rules_of(long abi)
{
	struct ruleset r = {.files = ALL_OF_ABI_1};
	if (abi >= ABI_REFER)
		r.files |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= ABI_TRUNCATE)
		r.files |= LANDLOCK_ACCESS_FS_TRUNCATE;
	if (abi >= ABI_IOCTL)
		r.files |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
	if (abi >= ABI_SCOPE)
		r.scoped = LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL;
	return r;
}

static bool wishes_for_files(const struct sandbox_wishes *w)
{
	return w->room_count > 0 || w->file_count > 0 || w->append;
}

static int make_ruleset(const struct ruleset *rules)
{
	return (int)syscall(__NR_landlock_create_ruleset, rules, sizeof(*rules), 0);
}

static bool restrict_self(int fd)
{
	return syscall(__NR_landlock_restrict_self, fd, 0) == 0;
}

bool sandbox_files(const struct sandbox_wishes *wishes)
{
	long abi = syscall(__NR_landlock_create_ruleset, NULL, (size_t)0,
	                   LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset rules = rules_of(abi);
	/* The first one forbids every move between two directories. */
	if (abi < 1 || (abi < ABI_REFER && wishes->room_count > 1))
		return false;
	if (bare >= 0 && !wishes_for_files(wishes) && restrict_self(bare))
		return true;
	struct fence fence = {.fds = {make_ruleset(&rules)}, .count = 1};
	fence.handled = rules.files;
	if (fence.fds[0] < 0)
		return false;
	int other = bare < 0 && wishes_for_files(wishes) ? make_ruleset(&rules) : -1;
	if (other >= 0)
		fence.fds[fence.count++] = other;
	bool done = allow_system(&fence);
	fence.count = 1;
	done = done && allow_wishes(&fence, wishes) && restrict_self(fence.fds[0]);
	close(fence.fds[0]);
	if (done && other >= 0)
		bare = other;
	else if (other >= 0)
		close(other);
	return done;
}

int sandbox_descriptor(void)
{
	return bare;
}

#else

bool sandbox_files(const struct sandbox_wishes *wishes)
{
	(void)wishes;
	return false;
}

int sandbox_descriptor(void)
{
	return -1;
}

#endif
