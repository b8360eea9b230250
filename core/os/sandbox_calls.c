/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "os/sandbox_parts.h"

#if defined(__linux__) && defined(__has_include)
#if __has_include(<linux/seccomp.h>) && __has_include(<linux/filter.h>) && \
    __has_include(<linux/audit.h>)
#include <linux/audit.h>
#endif
#endif

/* The system calls that the numbers below belong to. */
#if !defined(AUDIT_ARCH_X86_64)
#elif defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define ARCH AUDIT_ARCH_I386
#elif defined(__aarch64__) && defined(__AARCH64EL__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__arm__) && defined(__ARMEL__)
#define ARCH AUDIT_ARCH_ARM
#elif defined(__riscv) && __riscv_xlen == 64 && defined(AUDIT_ARCH_RISCV64)
#define ARCH AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__) && defined(AUDIT_ARCH_PPC64LE)
#define ARCH AUDIT_ARCH_PPC64LE
#elif defined(__s390x__)
#define ARCH AUDIT_ARCH_S390X
#endif

#ifdef ARCH

#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "text/buf.h"

#define FILTER_MAX 128
#define ALLOW      SECCOMP_RET_ALLOW
#define REFUSE     (SECCOMP_RET_ERRNO | EPERM)
#define NO_FAMILY  (SECCOMP_RET_ERRNO | EAFNOSUPPORT)
#define X32_FIRST  0x40000000U
#define NEW_SPACES 0x7E020000U /* CLONE_NEWNS and the other five of linux/sched.h */
#ifdef __s390x__
#define CLONE_FLAGS 1 /* which argument of clone */
#else
#define CLONE_FLAGS 0
#endif

#define AT(field) (uint32_t) offsetof(struct seccomp_data, field)
/* The lower half of an argument: all that the kernel takes of an int. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define AT_INT(n) (AT(args) + 8 * (n) + 4)
#else
#define AT_INT(n) (AT(args) + 8 * (n))
#endif

/*
 * What a process without any capability can do for itself, and has no business with. All
 * else that would harm needs one (modules, mounts, clocks, other users), and os/sandbox has
 * given those up: a list of such calls would be long, and never whole.
 */

/* Ways into the kernel with a history of faults, of no use to a mailer or what it runs. */
static const int of_the_kernel[] = {
    __NR_bpf,
    __NR_perf_event_open,
    __NR_userfaultfd,
#ifdef __NR_io_uring_setup
    __NR_io_uring_setup,
#endif
};

/* Refused unless programs are to be run, which may have a use for them. */
static const int of_programs[] = {
    /* Becoming another program; with what that would find changed. */
    __NR_execve,
    __NR_execveat,
    __NR_personality,
/* Memory and descriptors of the user's other processes. */
#ifndef SANDBOX_SANITIZED
    __NR_ptrace,
#endif
    __NR_process_vm_readv,
    __NR_process_vm_writev,
    __NR_kcmp,
#ifdef __NR_pidfd_getfd
    __NR_pidfd_getfd,
#endif
    /* Who may use a file: Landlock does not see to that, and one that may be read can be
     * opened for it. A list of rights (ACL) is an extended attribute. */
    __NR_fchmod,
    __NR_fchown,
    __NR_fchmodat,
    __NR_fchownat,
    __NR_setxattr,
    __NR_lsetxattr,
    __NR_fsetxattr,
#ifdef __NR_chmod
    __NR_chmod,
    __NR_chown,
    __NR_lchown,
#endif
#ifdef __NR_chown32
    __NR_chown32,
    __NR_lchown32,
    __NR_fchown32,
#endif
#ifdef __NR_fchmodat2
    __NR_fchmodat2,
#endif
#ifdef __NR_setxattrat
    __NR_setxattrat,
#endif
    /* Other name spaces: in one of their own a user has all capabilities. */
    __NR_unshare,
    __NR_setns,
    /* The user's keys, and what they open. */
    __NR_add_key,
    __NR_keyctl,
    __NR_request_key,
};

static const int families[] = {AF_UNIX, AF_INET, AF_INET6};

/* Two instructions a call, and a few dozen for the rest. */
_Static_assert(2 * (COUNT(of_the_kernel) + COUNT(of_programs)) + 40 <= FILTER_MAX,
               "the filter is too long");

struct filter {
	struct sock_filter code[FILTER_MAX];
	unsigned short len;
};

static void add(struct filter *f, unsigned code, uint32_t value, unsigned char no)
{
	f->code[f->len++] =
	    (struct sock_filter){.code = (unsigned short)code, .jf = no, .k = value};
}

static void load(struct filter *f, uint32_t at)
{
	add(f, BPF_LD | BPF_W | BPF_ABS, at, 0);
}

static void end(struct filter *f, uint32_t verdict)
{
	add(f, BPF_RET | BPF_K, verdict, 0);
}

/* What was loaded last is value: that is the end of it. */
static void end_if(struct filter *f, uint32_t value, uint32_t verdict)
{
	add(f, BPF_JMP | BPF_JEQ | BPF_K, value, 1);
	end(f, verdict);
}

/* Begins what is only for that call, and must end in a verdict. */
static unsigned short begin_call(struct filter *f, int number)
{
	add(f, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0);
	return f->len;
}

static void end_call(struct filter *f, unsigned short begin)
{
	f->code[begin - 1].jf = (unsigned char)(f->len - begin);
}

static void refuse_all(struct filter *f, const int *numbers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		end_if(f, (uint32_t)numbers[i], REFUSE);
}

/* Keys pressed in the name of whoever sits at the terminal. */
static void refuse_keys(struct filter *f)
{
	unsigned short begin = begin_call(f, __NR_ioctl);
	load(f, AT_INT(1));
#ifdef TIOCSTI
	end_if(f, TIOCSTI, REFUSE);
#endif
#ifdef TIOCLINUX
	end_if(f, TIOCLINUX, REFUSE);
#endif
	end(f, ALLOW);
	end_call(f, begin);
}

/* New processes are needed, new name spaces are not. What clone3 asks for is out
 * of a filter's sight; libc has another way when it is not there. */
static void refuse_spaces(struct filter *f)
{
	unsigned short begin = begin_call(f, __NR_clone);
	load(f, AT_INT(CLONE_FLAGS));
	add(f, BPF_JMP | BPF_JSET | BPF_K, NEW_SPACES, 1);
	end(f, REFUSE);
	end(f, ALLOW);
	end_call(f, begin);
#ifdef __NR_clone3
	end_if(f, __NR_clone3, SECCOMP_RET_ERRNO | ENOSYS);
#endif
}

static void refuse_families(struct filter *f)
{
#ifdef __NR_socket
	unsigned short begin = begin_call(f, __NR_socket);

	load(f, AT_INT(0));
	for (size_t i = 0; i < COUNT(families); i++)
		end_if(f, (uint32_t)families[i], ALLOW);
	add(f, BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 3);
	/* Which addresses this host has: getaddrinfo(3) asks that. */
	load(f, AT_INT(2));
	end_if(f, NETLINK_ROUTE, ALLOW);
	end(f, NO_FAMILY);
	end_call(f, begin);
#else
	(void)f;
#endif
}

static void make_filter(struct filter *f, bool programs)
{
	f->len = 0;
	load(f, AT(arch));
	add(f, BPF_JMP | BPF_JEQ | BPF_K, ARCH, 0);
	f->code[f->len - 1].jt = 1;
	end(f, REFUSE);
	load(f, AT(nr));
#if defined(__x86_64__) && !defined(__ILP32__)
	/* The same calls once more, under other numbers. */
	add(f, BPF_JMP | BPF_JGE | BPF_K, X32_FIRST, 1);
	end(f, REFUSE);
#endif
	refuse_all(f, of_the_kernel, COUNT(of_the_kernel));
	refuse_keys(f);
	if (!programs) {
		refuse_all(f, of_programs, COUNT(of_programs));
		refuse_spaces(f);
		refuse_families(f);
	}
	end(f, ALLOW);
}

bool sandbox_calls(bool programs)
{
	/* The whole filter stands; a child has it from its parent. Once more it would refuse
	 * nothing else, and be run for each call. */
	static bool whole;
	struct filter f;
	struct sock_fprog program = {.filter = f.code};
	if (whole)
		return true;
	make_filter(&f, programs);
	program.len = f.len;
	bool done = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
	whole = done && !programs;
	return done;
}

#else

bool sandbox_calls(bool programs)
{
	(void)programs;
	return false;
}

#endif
