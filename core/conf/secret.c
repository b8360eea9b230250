/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "os/clock.h"
#include "text/codec.h"
#include "os/command.h"
#include "os/container.h"
#include "os/file.h"
#include "os/trust.h"
#include "os/wait.h"

#define COMMAND_MS 10000

/* Page-aligned, so that lock and dump flags cover nothing else. */
struct secret {
	size_t len;
	char bytes[SECRET_TOKEN + 2]; /* more than is taken, to see that it is too long */
};

static struct secret *secret_new(struct fault *f)
{
	struct secret *s =
	    mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED) {
		fault_sys(f, FAULT_RELAY, errno, "no memory for the password");
		return NULL;
	}
	/* Both may be refused by a limit; the secret is wiped all the same. */
	mlock(s, sizeof(*s));
#ifdef MADV_DONTDUMP
	madvise(s, sizeof(*s), MADV_DONTDUMP);
#endif
	return s;
}

void secret_free(struct secret *s)
{
	if (!s)
		return;
	codec_wipe(s, sizeof(*s));
	munlock(s, sizeof(*s));
	munmap(s, sizeof(*s));
}

struct str secret_view(const struct secret *s)
{
	return str_make(s->bytes, s->len);
}

/* In a NUL-terminated string of its own, NULL without such a directory. */
static char *credential_path(const struct settings_relay *relay)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	if (!folder || folder[0] != '/')
		return NULL;
	return mem_printf("%s/relay.%s.password", folder, relay->name);
}

static bool credential_exists(const struct settings_relay *relay)
{
	char *path = credential_path(relay);
	struct stat st;
	bool there = path && stat(path, &st) == 0;
	free(path);
	return there;
}

bool secret_exists(const struct settings_relay *relay)
{
	return relay->oauth || relay->password_file || relay->password_command.count > 0 ||
	       relay->password || credential_exists(relay);
}

/* Keeps the first line of what was read; where is for the fault. */
static bool keep_line(struct secret *s, const char *where, struct fault *f)
{
	struct str all = str_make(s->bytes, s->len);
	size_t end = str_find(all, '\n');
	struct str line = str_first(all, end);
	if (str_ends(line, STR("\r")))
		line.len--;
	if (line.len > SECRET_MAX)
		return fault_set(f, FAULT_CONFIG,
		                 "the first line of %s is longer than %d bytes", where,
		                 SECRET_MAX);
	if (line.len == 0) {
		fault_set(f, FAULT_CONFIG,
		          "the first line of %s is empty; the password is expected there",
		          where);
		f->sys = ENODATA;
		return false;
	}
	if (str_find(line, '\0') != STR_NONE)
		return fault_set(f, FAULT_CONFIG, "the password in %s holds a NUL byte", where);
	codec_wipe(s->bytes + line.len, sizeof(s->bytes) - line.len);
	s->len = line.len;
	return true;
}

static bool has_line(const struct secret *s)
{
	return s->len == sizeof(s->bytes) ||
	       str_find(str_make(s->bytes, s->len), '\n') != STR_NONE;
}

/* ---- a file ---- */

static bool fill_from(int fd, const char *path, struct secret *s, struct fault *f)
{
	size_t got = 1;
	while (got > 0 && !has_line(s)) {
		if (!file_read(fd, path, s->bytes + s->len, sizeof(s->bytes) - s->len, &got, f))
			return false;
		s->len += got;
	}
	return true;
}

bool secret_from_outside(const struct settings_relay *relay)
{
	return relay->password_file && container_from_outside(relay->password_file);
}

bool secret_is_shared(const struct settings_relay *relay)
{
	struct stat st;
	return relay->password_file && stat(relay->password_file, &st) == 0 &&
	       (st.st_mode & 07) != 0 && container_handed_over(relay->password_file, &st);
}

static bool check_closed(int fd, const char *path, struct fault *f)
{
	struct stat st;
	if (!file_stat(fd, path, &st, f))
		return false;
	if ((st.st_mode & 07) == 0 || container_handed_over(path, &st))
		return true;
	char who[TRUST_OWNER_MAX];
	trust_owner(&st, who);
	if (file_is_read_only(path))
		return fault_set(f, FAULT_CONFIG,
		                 "%s is open to everybody (%s), on a read-only mount: set "
		                 "defaultMode 0440 where it comes from, or use "
		                 "password_command or a credential",
		                 path, who);
	fault_set(f, FAULT_CONFIG,
	          "%s holds a password but is open to everybody (%s); run: chmod o= %s", path,
	          who, path);
	f->sys = EPERM;
	return false;
}

/* A name may lead through links (many secret stores are made of them), but not
 * to something that is waited for. */
static bool read_file(struct secret *s, const char *path, bool closed, struct fault *f)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return fault_sys(f, FAULT_CONFIG, errno, "cannot read the password in %s",
		                 path);
	if (!S_ISREG(st.st_mode))
		return fault_set(f, FAULT_CONFIG,
		                 "cannot read the password in %s: it is not a "
		                 "regular file",
		                 path);
	int fd;
	if (!file_open_read(AT_FDCWD, path, &fd, f)) {
		char who[TRUST_OWNER_MAX];
		trust_owner(&st, who);
		return fault_sys(f, FAULT_CONFIG, f->sys, "cannot read the password in %s (%s)",
		                 path, who);
	}
	bool done = (!closed || check_closed(fd, path, f)) && fill_from(fd, path, s, f);
	close(fd);
	if (!done && f->kind != FAULT_CONFIG)
		f->kind = FAULT_RELAY;
	return done && keep_line(s, path, f);
}

static bool run_command(struct secret *s, const struct settings_list *words, int64_t deadline,
                        struct fault *f)
{
	int64_t own = clock_deadline(COMMAND_MS);
	return command_run("password_command", words->words, deadline < own ? deadline : own,
	                   s->bytes, sizeof(s->bytes), &s->len, f) &&
	       keep_line(s, "the output of password_command", f);
}

/* ---- all sources ---- */

static bool copy_password(struct secret *s, const char *password, struct fault *f)
{
	struct str text = str_of(password);
	if (text.len > SECRET_MAX)
		return fault_set(f, FAULT_CONFIG, "the password is longer than %d bytes",
		                 SECRET_MAX);
	memcpy(s->bytes, text.at, text.len);
	s->len = text.len;
	return true;
}

static bool read_credential(struct secret *s, const struct settings_relay *relay,
                            struct fault *f)
{
	char *path = credential_path(relay);
	if (!path)
		return fault_set(f, FAULT_CONFIG,
		                 "relay %s: there is no password; give password_file or "
		                 "password_command",
		                 relay->name);
	/* systemd closes the directory; the file's own mode is not ours to judge. */
	bool done = read_file(s, path, false, f);
	free(path);
	return done;
}

struct secret *secret_read(const struct settings_relay *relay, int64_t deadline,
                           struct fault *f)
{
	struct secret *s = secret_new(f);
	if (!s)
		return NULL;
	bool done;
	if (relay->password_file)
		done = read_file(s, relay->password_file, true, f);
	else if (relay->command_closed)
		done = fault_set(f, FAULT_RELAY,
		                 "relay %s: password_command is run only by the system's "
		                 "flushq: its timer, or the service of the socket",
		                 relay->name);
	else if (relay->password_command.count > 0)
		done = run_command(s, &relay->password_command, deadline, f);
	else if (relay->password)
		done = copy_password(s, relay->password, f);
	else
		done = read_credential(s, relay, f);
	if (done)
		return s;
	secret_free(s);
	return NULL;
}

static bool fill_until(struct secret *s, int fd, int64_t deadline, struct fault *f)
{
	for (;;) {
		int sys = wait_until(fd, POLLIN, deadline);
		if (sys)
			return fault_sys(f, FAULT_RELAY, sys, "waiting for the token");
		ssize_t n = read(fd, s->bytes + s->len, sizeof(s->bytes) - s->len);
		if (n < 0 && errno != EINTR)
			return fault_sys(f, FAULT_RELAY, errno, "reading the token");
		if (n == 0)
			return true;
		s->len += n > 0 ? (size_t)n : 0;
	}
}

struct secret *secret_take(int fd, char mark, int64_t deadline, struct buf *other,
                           struct fault *f)
{
	struct secret *s = secret_new(f);
	if (!s)
		return NULL;
	bool ok = fill_until(s, fd, deadline, f);
	struct str line = str_make(s->bytes, s->len);
	if (ok && (line.len < 3 || str_find(line, '\n') != line.len - 1))
		ok = fault_set(f, FAULT_RELAY, "the program token has ended without an answer");
	else if (ok && line.at[0] != mark) {
		ok = false;
		if (!buf_add_str(other, str_first(line, line.len - 1)))
			fault_set(f, FAULT_RELAY, "the program token says too much");
	}
	if (!ok) {
		secret_free(s);
		return NULL;
	}
	s->len -= 2;
	memmove(s->bytes, s->bytes + 1, s->len);
	codec_wipe(s->bytes + s->len, 2);
	return s;
}
