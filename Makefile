# SPDX-License-Identifier: GPL-3.0-or-later
#
# GNU make (gmake on the BSDs). The usual targets:
#
#   all (default)  the programs, in $(BUILD)
#   try            a demonstration on the loopback, touching nothing outside $(BUILD)
#   check          all tests; the last line is "N passed, N failed"
#   lint           warnings as errors with two compilers, static analysis, format, manuals
#   fuzz           every fuzz target under libFuzzer for FUZZ_SECONDS (needs clang)
#   bench          a table of costs beside other mailers'; tests/bench/run has its knobs
#   install        honours DESTDIR; programs, manuals, completions. Beside it, each by itself:
#                  install-config (unless there is one), install-systemd, install-cron
#   uninstall      removes all of these but the configuration
#   dist           postern-VERSION.tar.gz, with configure made
#   html           the manual as web pages, in $(BUILD)/html; needs mandoc
#   check-ports    the tests of other machines and other releases of Debian, by tests/ports
#   deb            a Debian package, in $(BUILD); check-deb installs it in a chroot and tests it,
#                  check-alerts with cron, mdadm, fail2ban and others that send mail,
#                  check-container in places like those that Docker and Kubernetes make
#   ci             what the project's own machine runs
#   help           this list
#   compdb         compile_commands.json, for clangd and other tools that read C
#   coverage       which lines the tests reach, a row a room; see COVERED
#   clean          removes what was made in $(BUILD), but not its configuration; distclean all
#
# and the usual knobs:
#
#   BUILD=DIR      another folder for everything that is made; with a configuration of its
#                  own if configure was run there: mkdir build/x && cd build/x &&
#                  ../../configure CC=clang, then make BUILD=build/x; else with that of build/
#   SAN=1          with the address and undefined-behaviour sanitizers
#   WERROR=1       warnings are errors
#   JOBS=N         of check: programs at once, 3 if not given, and compilers where make has no -j
#   SWEEP=whole    check breaks every system call in every way, not every tenth (minutes)
#   COVERED=TESTS  what coverage runs, as names of tests/unit and tests/cases
#   V=1            show the commands
#
# core/README says how the house is built, tests/README how it is tested.
#
# A fresh checkout needs no step before this one: build/config.mk is made by
# autoconf and configure, with their defaults, when it is missing.

SAN ?=
WERROR ?=
JOBS ?= 3
SWEEP ?= quick
FUZZ_SECONDS ?= 30
V ?=
ifeq ($(SAN),)
BUILD ?= build
else
BUILD ?= build/san
endif
# One name for one folder: the dependencies of what was made under another would not be seen.
override BUILD := $(patsubst $(CURDIR)/%,%,$(BUILD))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

# What configure found out, for this folder or for all.
CONFIG := $(if $(wildcard $(BUILD)/config.mk),$(BUILD),build)

ifneq ($(or $(if $(MAKECMDGOALS),,all),$(filter-out help clean distclean,$(MAKECMDGOALS))),)
include $(CONFIG)/config.mk
endif

$(CONFIG)/config.mk: configure contrib/build/config.mk.in contrib/build/config.h.in
	@if test -f $(CONFIG)/config.status; then \
		cd $(CONFIG) && ./config.status --quiet --recheck && ./config.status --quiet; \
	else \
		./configure --quiet; \
	fi
	@touch $@

$(CONFIG)/config.h: $(CONFIG)/config.mk ;

configure: configure.ac
	@command -v autoconf >/dev/null || { \
		echo 'make: autoconf is missing; "sh contrib/setup all" installs what is needed' >&2; \
		exit 1; }
	autoconf
	@rm -rf autom4te.cache configure~
	@touch $@

# Flags

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wvla -Wmissing-prototypes \
	-Wstrict-prototypes -Wswitch-enum -Wformat=2 -Wpointer-arith -Wundef
ifneq ($(WERROR),)
WARNINGS += -Werror
endif

# The sanitizers' own checks of string functions and those of _FORTIFY_SOURCE
# get in each other's way: one or the other.
ifeq ($(SAN),)
MODE_CFLAGS := $(if $(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS)),, \
	-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
MODE_LDFLAGS :=
else
MODE_CFLAGS := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=all -DORDERLY_EXIT
ifeq ($(SAN),fuzz)
MODE_CFLAGS += -fsanitize=fuzzer-no-link
endif
MODE_LDFLAGS := -fsanitize=address,undefined
endif

# config.h before everything: it says how wide off_t and time_t are.
DIALECT = -std=c11 -D_GNU_SOURCE -include $(CONFIG)/config.h -I$(CONFIG)

COMPILE = $(CC) $(DIALECT) -I. -Icore $(CPPFLAGS) $(CFLAGS) \
	$(WARNINGS) $(HARDEN_CFLAGS) $(MODE_CFLAGS) -pthread $(GNUTLS_CFLAGS) \
	$(UNISTRING_CFLAGS) $(INIH_CFLAGS) $(CURL_CFLAGS) $(JANSSON_CFLAGS)
LINK = $(CC) $(CFLAGS) $(HARDEN_CFLAGS) $(MODE_CFLAGS) -pthread $(LDFLAGS) \
	$(HARDEN_LDFLAGS) $(MODE_LDFLAGS) $(ASNEEDED)
# $(call extra,SOURCE): what this one needs besides
extra = $(if $(filter tests/unit/%,$1),$(CHECK_CFLAGS)) $(if $(filter tests/relay/%,$1),-Itests/relay)
CORE_LIBS = $(JANSSON_LIBS) $(GNUTLS_LIBS) $(UNISTRING_LIBS) $(INIH_LIBS) $(RESOLV_LIBS) $(LIBS)

# $(call do,WHAT): the command behind it is shown as "WHAT target", or in full with V=1
do = $(if $(V),,@printf '  %-5s %s\n' $1 '$@';)

# What is made of what. A folder's files are found, not listed: a new module
# or test needs no line here.

objects = $(patsubst %.c,$(BUILD)/obj/%.o,$1)

# The files of cmd/ with a main(); the others there are shared by them.
MAINS := cmd/sendmail.c cmd/mailq.c cmd/post.c
PROGRAMS := $(patsubst cmd/%.c,$(BUILD)/%,$(MAINS))
LINKS := $(BUILD)/newaliases $(BUILD)/flushq
# mailq once more, with the TLS library.
TWIN := $(BUILD)/tls/flushq

# A program of its own, where its libraries are.
TOKEN := $(if $(filter no,$(OAUTH)),,$(BUILD)/token)
TOKEN_OBJECTS := $(call objects,cmd/token.c $(wildcard cmd/token/*.c))
NO_OAUTH := $(if $(TOKEN),,core/oauth/answer.c tests/unit/test_answer.c \
	tests/fuzz/fuzz_answer.c)

CORE_OBJECTS := $(call objects,$(filter-out $(NO_OAUTH),$(wildcard core/*/*.c)))
CMD_OBJECTS := $(call objects,$(filter-out $(MAINS) cmd/without_tls.c cmd/token.c cmd/token/%, \
	$(wildcard cmd/*.c cmd/*/*.c)))
ARCHIVES := $(BUILD)/libcmd.a $(BUILD)/libpostern.a

UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/%, \
	$(filter-out $(NO_OAUTH),$(wildcard tests/unit/test_*.c)))
UNIT_HELPERS := $(call objects,$(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c)))

RELAY := $(BUILD)/tests/relay

FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/%, \
	$(filter-out $(NO_OAUTH),$(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_HELPERS := $(call objects,$(filter-out tests/fuzz/fuzz_% tests/fuzz/replay.c, \
	$(wildcard tests/fuzz/*.c)))
FUZZ_MAIN := $(if $(filter fuzz,$(SAN)),,$(BUILD)/obj/tests/fuzz/replay.o)

FAULTS := $(BUILD)/tests/faults.so $(BUILD)/tests/dated.so

CASE_HELPERS := $(patsubst tests/cases/%.c,$(BUILD)/tests/%,$(wildcard tests/cases/*.c))
# The longest come first, or one of them runs alone in the end.
LONG := sweep system verdicts oauth peers sessions hold storm
CASES := $(LONG:%=tests/cases/%.t)
CASES += $(filter-out $(CASES),$(sort $(wildcard tests/cases/*.t)))

.PHONY: all tests try check check-ports lint fuzz fuzz-run bench ci dist html deb check-deb \
	check-alerts check-container
.PHONY: help compdb coverage coverage-run clean distclean
.PHONY: install install-config install-systemd install-cron uninstall FORCE
.SECONDARY:

all: $(PROGRAMS) $(LINKS) $(TWIN) $(TOKEN)

tests: all $(UNIT_TESTS) $(RELAY) $(FAULTS) $(CASE_HELPERS) $(FUZZ_TARGETS)

# Every object depends on this file, which changes when the flags do.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(COMPILE) $(LINK)' | cmp -s - $@ || echo '$(COMPILE) $(LINK)' >$@

$(BUILD)/obj/%.o: %.c $(BUILD)/flags $(CONFIG)/config.h
	@mkdir -p $(@D)
	$(call do,CC)$(COMPILE) $(call extra,$<) -MMD -MP -c -o $@ $<

# A text instead of a file list: the archive must lose a module that is gone.
$(BUILD)/libpostern.a.list: FORCE
	@mkdir -p $(@D)
	@echo '$(CORE_OBJECTS)' | cmp -s - $@ || echo '$(CORE_OBJECTS)' >$@

$(BUILD)/libpostern.a: $(CORE_OBJECTS) $(BUILD)/libpostern.a.list
	@rm -f $@
	$(call do,AR)$(AR) rcs $@ $(CORE_OBJECTS)

$(BUILD)/libcmd.a: $(CMD_OBJECTS)
	@rm -f $@
	$(call do,AR)$(AR) rcs $@ $(CMD_OBJECTS)

# A process that hides cannot be looked at by the finder of leaks either.
SAN_OBJECTS := $(if $(filter-out fuzz,$(SAN)),$(BUILD)/obj/tests/proof/leaks.o)

$(BUILD)/tls/flushq: $(BUILD)/obj/cmd/mailq.o $(SAN_OBJECTS) $(ARCHIVES)
	@mkdir -p $(@D)
	$(call do,LINK)$(LINK) -o $@ $^ $(CORE_LIBS)

# No TLS: loading it would take longer than all the rest of a message. What stands in for
# it comes before the archives.
$(BUILD)/mailq: $(BUILD)/obj/cmd/mailq.o $(BUILD)/obj/cmd/without_tls.o $(SAN_OBJECTS) $(ARCHIVES)
	$(call do,LINK)$(LINK) -o $@ $^ $(INIH_LIBS) $(RESOLV_LIBS) $(LIBS)

$(BUILD)/sendmail: $(BUILD)/obj/cmd/sendmail.o $(SAN_OBJECTS) $(ARCHIVES)
	$(call do,LINK)$(LINK) -o $@ $^ $(INIH_LIBS) $(RESOLV_LIBS) $(LIBS)

$(BUILD)/token: $(TOKEN_OBJECTS) $(SAN_OBJECTS) $(BUILD)/libpostern.a
	$(call do,LINK)$(LINK) -o $@ $^ $(CURL_LIBS) $(JANSSON_LIBS) $(GNUTLS_LIBS) $(LIBS)

# No library but libc: linking fails when a privileged line needs more.
$(BUILD)/post: $(BUILD)/obj/cmd/post.o $(SAN_OBJECTS) $(ARCHIVES)
	$(call do,LINK)$(LINK) -o $@ $^ $(LIBS)

$(BUILD)/newaliases: | $(BUILD)/sendmail
	$(call do,LN)ln -sf sendmail $@

$(BUILD)/flushq: | $(BUILD)/mailq
	$(call do,LN)ln -sf mailq $@

# Tests

$(UNIT_TESTS): $(BUILD)/tests/%: $(BUILD)/obj/tests/unit/%.o $(UNIT_HELPERS) $(ARCHIVES)
	@mkdir -p $(@D)
	@test -n '$(CHECK_LIBS)' || { \
		echo 'make: Check is missing; "sh contrib/setup check" installs it' >&2; exit 1; }
	$(call do,LINK)$(LINK) -o $@ $^ $(CHECK_LIBS) $(CORE_LIBS)

$(RELAY): $(call objects,$(wildcard tests/relay/*.c))
	@mkdir -p $(@D)
	$(call do,LINK)$(LINK) -o $@ $^ $(GNUTLS_LIBS) $(LIBS)

$(CASE_HELPERS): $(BUILD)/tests/%: $(BUILD)/obj/tests/cases/%.o $(BUILD)/libpostern.a
	@mkdir -p $(@D)
	$(call do,LINK)$(LINK) -o $@ $^ $(CORE_LIBS)

# Loaded ahead of a sanitizer's library, so never built with one.
$(FAULTS): $(BUILD)/tests/%.so: tests/proof/%.c $(BUILD)/flags $(CONFIG)/config.h
	@mkdir -p $(@D)
	$(call do,LINK)$(CC) $(DIALECT) $(CFLAGS) $(WARNINGS) -fPIC -shared -o $@ $<

$(FUZZ_TARGETS): MODE_LDFLAGS += $(if $(filter fuzz,$(SAN)),-fsanitize=fuzzer)
$(FUZZ_TARGETS): $(BUILD)/tests/%: $(BUILD)/obj/tests/fuzz/%.o $(FUZZ_HELPERS) $(FUZZ_MAIN) \
		$(ARCHIVES)
	@mkdir -p $(@D)
	$(call do,LINK)$(LINK) -o $@ $^ $(CORE_LIBS)

# Builds in parallel, whether make was told so or not.
check:
	@case "$$MAKEFLAGS" in *jobserver*) jobs= ;; *) jobs=-j$(JOBS) ;; esac; \
		$(MAKE) --no-print-directory $$jobs tests
	@BUILD='$(abspath $(BUILD))' JOBS='$(JOBS)' SWEEP='$(SWEEP)' \
		sh tests/run $(CASES) tests/relay/selftest.py $(UNIT_TESTS) $(FUZZ_TARGETS)

# What cannot be had here is left out, and says so.
check-ports:
	@bad=0; \
	for port in 'units i386' 'units s390x' 'release trixie' 'release sid'; do \
		sh tests/ports/$$port; status=$$?; \
		test $$status -eq 0 || test $$status -eq 77 || bad=1; \
	done; \
	exit $$bad

try: all $(RELAY)
	@sh tests/relay/try.sh '$(abspath $(BUILD))'

bench: all $(RELAY)
	@TLS_FLAGS='$(GNUTLS_CFLAGS) $(GNUTLS_LIBS)' sh tests/bench/run '$(abspath $(BUILD))'

lint:
	@BUILD='$(BUILD)/lint' MAKE='$(MAKE)' sh contrib/lint/all

fuzz:
	@command -v clang >/dev/null || { \
		echo 'make: clang is missing; "sh contrib/setup fuzz" installs it' >&2; exit 1; }
	@$(MAKE) --no-print-directory CC=clang SAN=fuzz BUILD='$(BUILD)/fuzz' fuzz-run

fuzz-run: $(FUZZ_TARGETS)
	@BUILD='$(abspath $(BUILD))' FUZZ_SECONDS='$(FUZZ_SECONDS)' \
		sh tests/fuzz/run $(FUZZ_TARGETS)

ci:
	@bash .ci/run

# For who works on it

help:
	@sed -n '3,/^$$/s/^# \{0,1\}//p' Makefile

SOURCES := $(wildcard core/*/*.c cmd/*.c cmd/*/*.c tests/*/*.c)
# A text of JSON from one of the shell.
json = "$(subst ",\",$(subst \,\\,$1))"
comma := ,

define compdb
[
$(foreach source,$(SOURCES),{"directory": $(call json,$(CURDIR)), "file": $(call json,$(source)), \
"command": $(call json,$(COMPILE) $(call extra,$(source)) -c $(source))}$(if \
$(filter $(lastword $(SOURCES)),$(source)),,$(comma))
)]
endef

COMPDB ?= compile_commands.json

compdb: $(CONFIG)/config.h
	$(file >$(COMPDB),$(compdb))
	@echo '$(COMPDB): $(words $(SOURCES)) files'

# Without Landlock, as with sanitizers: a process writes what it has run beside its object.
# Cases of system mode are left out, where other users could not write there.
COVERED ?= $(notdir $(UNIT_TESTS)) \
	blame.t bs.t compat.t configure.t doctor.t hold.t inputs.t mailq.t operator.t servers.t transport.t utf8.t

coverage:
	@$(MAKE) --no-print-directory BUILD='$(BUILD)/coverage' CC=gcc SAN= coverage-run \
		CPPFLAGS='$(CPPFLAGS) -U_FORTIFY_SOURCE -DSANDBOX_SANITIZED -DORDERLY_EXIT' \
		CFLAGS='-O0 -g --coverage'

coverage-run: tests
	@find '$(BUILD)' -name '*.gcda' -exec rm -f {} +
	-@BUILD='$(abspath $(BUILD))' JOBS='$(JOBS)' sh tests/run \
		$(addprefix $(BUILD)/tests/,$(filter-out %.t,$(COVERED))) \
		$(addprefix tests/cases/,$(filter %.t,$(COVERED)))
	@sh contrib/build/coverage '$(BUILD)'

# Installation

INSTALL ?= install
MAN_PAGES := $(wildcard man/*.[0-9])
DOCS := README $(wildcard contrib/doc/*)

mandir_of = $(mandir)/man$(patsubst .%,%,$(suffix $1))

# The paths are compiled in and expanded: one changed here would put half of
# the files elsewhere, and programs that look in the wrong place.
PATH_NAMES := prefix bindir sbindir mandir docdir sysconfdir spooldir postdir socket
$(foreach name,$(PATH_NAMES),$(if $(filter command line,$(origin $(name))), \
	$(error $(name) is set with ./configure; for a package use DESTDIR)))

# Where others look for what we bring. A packager may say otherwise.
unitdir ?= $(prefix)/lib/systemd/system
sysusersdir ?= $(prefix)/lib/sysusers.d
tmpfilesdir ?= $(prefix)/lib/tmpfiles.d
bashcompdir ?= $(datarootdir)/bash-completion/completions
zshcompdir ?= $(datarootdir)/zsh/site-functions
fishcompdir ?= $(datarootdir)/fish/vendor_completions.d

# These have our paths to be filled in.
UNITS := $(wildcard contrib/systemd/postern-*)
NARROW := contrib/systemd/narrow
TEMPLATES := $(UNITS) $(wildcard contrib/sysusers/* contrib/tmpfiles/* contrib/cron/* \
	contrib/inetd/* contrib/postern.conf)
filled = $(addprefix $(BUILD)/filled/,$1)

$(call filled,$(TEMPLATES)): $(BUILD)/filled/%: % $(NARROW) $(CONFIG)/config.mk
	@mkdir -p $(@D)
	$(call do,FILL)sed -e '/^@narrow@$$/{r $(NARROW)' -e 'd;}' $< | sed -e 's|@bindir@|$(bindir)|g' -e 's|@sbindir@|$(sbindir)|g' \
		-e 's|@postdir@|$(postdir)|g' -e 's|@spooldir@|$(spooldir)|g' \
		-e 's|@sysconfdir@|$(sysconfdir)|g' -e 's|@user@|$(USER_NAME)|g' \
		-e 's|@group@|$(GROUP_NAME)|g' -e 's|@socket@|$(socket)|g' \
		-e 's|@unitdir@|$(unitdir)|g' \
		-e 's|@socketdir@|$(patsubst %/,%,$(dir $(socket)))|g' >$@

# bash and fish look for a file by the name of the command.
COMPLETED := sendmail mailq flushq
pkgdatadir = $(datarootdir)/postern

# What is installed, a line each, for contrib/build/files: MODE FILE PATH, or "link TARGET PATH".
# The same list says what uninstall removes.

define newline


endef
# $(call each,MODE,FILES,DIR)
each = $(foreach file,$2,$1 $(file) $3/$(notdir $(file))$(newline))

define programs
755 $(BUILD)/sendmail $(sbindir)/sendmail
755 $(BUILD)/mailq $(bindir)/mailq
755 $(BUILD)/tls/flushq $(postdir)/flushq
755 $(BUILD)/post $(postdir)/post
$(if $(TOKEN),755 $(TOKEN) $(postdir)/token)
link $(bindir)/mailq $(sbindir)/flushq
link $(sbindir)/sendmail $(bindir)/newaliases
link $(sbindir)/sendmail $(prefix)/lib/sendmail
$(foreach page,$(MAN_PAGES),$(call each,644,$(page),$(call mandir_of,$(page))))
link ../man8/sendmail.8 $(mandir)/man1/newaliases.1
$(call each,644,$(call filled,contrib/postern.conf contrib/inetd/inetd.conf) $(DOCS),$(docdir))
644 contrib/completion/_postern $(zshcompdir)/_postern
644 contrib/completion/postern.bash $(bashcompdir)/postern.bash
644 contrib/completion/postern.fish $(fishcompdir)/postern.fish
$(foreach name,$(COMPLETED),link postern.bash $(bashcompdir)/$(name)
link postern.fish $(fishcompdir)/$(name).fish$(newline))
$(call each,644,$(wildcard contrib/import.d/*),$(pkgdatadir)/import.d)
755 contrib/import $(pkgdatadir)/import
755 contrib/container/entry $(pkgdatadir)/entry
endef

define systemd
$(call each,644,$(call filled,$(UNITS)),$(unitdir))
644 $(call filled,contrib/sysusers/postern.conf) $(sysusersdir)/postern.conf
644 $(call filled,contrib/tmpfiles/postern.conf) $(tmpfilesdir)/postern.conf
endef

cron = 644 $(call filled,contrib/cron/postern) $(sysconfdir)/cron.d/postern
config = 644 $(call filled,contrib/postern.conf) $(sysconfdir)/postern.conf

# $(call files,install or uninstall,LISTS)
files = $(file >$(BUILD)/files-$(firstword $2),$(foreach list,$2,$($(list))$(newline)))@DESTDIR='$(DESTDIR)' \
	INSTALL='$(INSTALL)' sh contrib/build/files $1 <$(BUILD)/files-$(firstword $2)

install: all $(call filled,contrib/postern.conf contrib/inetd/inetd.conf)
	$(call files,install,programs)
	@DESTDIR='$(DESTDIR)' POST='$(postdir)/post' SPOOL='$(spooldir)' \
		OWNER='$(USER_NAME)' GROUP='$(GROUP_NAME)' sh contrib/build/privileges

install-config: $(call filled,contrib/postern.conf)
	@test ! -e '$(DESTDIR)$(sysconfdir)/postern.conf' || \
		echo '$(DESTDIR)$(sysconfdir)/postern.conf is there; left alone'
	$(if $(wildcard $(DESTDIR)$(sysconfdir)/postern.conf),,$(call files,install,config))

install-systemd: $(call filled,$(UNITS) contrib/sysusers/postern.conf contrib/tmpfiles/postern.conf)
	$(call files,install,systemd)
	@test -n '$(DESTDIR)' || \
		echo 'systemctl daemon-reload && systemctl enable --now postern-flush.timer postern-submit.socket'

install-cron: $(call filled,contrib/cron/postern)
	$(call files,install,cron)

uninstall: $(BUILD)/flags
	$(call files,uninstall,programs systemd cron)

# Pages name each other as files; those of other packages lead nowhere.
HTML_PAGES := $(patsubst man/%,$(BUILD)/html/%.html,$(MAN_PAGES))

html: $(HTML_PAGES)

$(BUILD)/html/%.html: man/% Makefile
	@command -v mandoc >/dev/null || { \
		echo 'make: mandoc is missing; "sh contrib/setup html" installs it' >&2; exit 1; }
	@mkdir -p $(@D)
	$(call do,HTML)mandoc -T html -O man=%N.%S.html $< >$@

DIST := postern-$(VERSION)

# The same commit makes the same bytes, whoever makes them, and when. Needs GNU tar.
dist: $(BUILD)/flags
	rm -rf '$(BUILD)/$(DIST)'
	git archive --format=tar --prefix='$(DIST)/' HEAD | (cd '$(BUILD)' && tar xf -)
	cd '$(BUILD)/$(DIST)' && autoconf && rm -rf autom4te.cache
	cd '$(BUILD)' && tar cf - --format=ustar --sort=name --mtime=@$$(git log -1 --format=%ct) \
		--owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX '$(DIST)' | \
		gzip -9n >'$(CURDIR)/$(DIST).tar.gz'
	rm -rf '$(BUILD)/$(DIST)'

deb: $(BUILD)/flags
	@sh contrib/build/deb '$(abspath $(BUILD))' '$(VERSION)'

check-deb: deb $(RELAY)
	@sh tests/packages/deb '$(abspath $(BUILD))'

check-alerts: deb $(RELAY)
	@sh tests/packages/alerts '$(abspath $(BUILD))'

check-container: deb $(RELAY)
	@sh tests/packages/container '$(abspath $(BUILD))'

# A folder elsewhere is removed only if this file made it.
clean:
	@if test -z '$(filter-out build build/%,$(BUILD))' || test -f '$(BUILD)/flags'; then \
		test ! -d '$(BUILD)' || find '$(BUILD)' -mindepth 1 -maxdepth 1 \
			! -name 'config.*' -exec rm -rf {} +; \
	elif test -e '$(BUILD)'; then \
		echo 'make: $(BUILD) does not look like a build folder; left alone' >&2; exit 1; fi

distclean: clean
	rm -f $(addprefix '$(BUILD)'/config.,h log missing mk status)
	@test ! -d '$(BUILD)' || rmdir '$(BUILD)'
	rm -rf autom4te.cache configure configure~ compile_commands.json

-include $(shell test -d $(BUILD)/obj && find $(BUILD)/obj -name '*.d')
