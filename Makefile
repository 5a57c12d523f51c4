# dznohup: make, make demo, make check, make bench, make install, make deb.  POSIX
# shell, GNU make.
#
# Everything is built below $(BUILD); BUILD=build-clang CC=clang gives a second build
# beside the first.  V=1 shows the commands.  CC builds libdz.so.  LAUNCHER_CC builds
# dznohup and dzctl: musl-gcc unless a compiler is named, if it can link.

CC ?= cc
CFLAGS ?= -O2 -g
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
MANDIR ?= $(PREFIX)/share/man
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d
BUILD ?= build$(if $(SAN),-san)

VERSION := 0.1.0
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror=switch
BASE := -std=c11 -D_GNU_SOURCE $(WARNINGS) -MMD -MP -ffunction-sections

# The rooms.  Each one's objects see the headers of these directories, and of no others.
SEES_core/base := core/base
SEES_core/job := $(SEES_core/base) core/job
SEES_core/plan := $(SEES_core/base) core/plan
SEES_core/start := $(SEES_core/job) core/plan core/start
SEES_core/wait := $(SEES_core/start) core/wait
SEES_cli/dznohup := $(SEES_core/wait) cli/dznohup
SEES_cli/dznohup/keep := $(SEES_cli/dznohup) cli/dznohup/keep
SEES_cli/dznohup/adopt := $(SEES_cli/dznohup) cli/dznohup/adopt
SEES_cli/dzctl := $(SEES_core/job) core/plan cli/dzctl
SEES_cli/dzctl/inspect := $(SEES_cli/dzctl) cli/dzctl/inspect
SEES_shim := $(SEES_core/wait) shim
SEES_shim/nodaemon := $(SEES_shim) shim/nodaemon
# For the tests' own programs.
SEES_ALL := $(addprefix -I,$(sort $(SEES_shim/nodaemon) $(SEES_cli/dzctl/inspect) $(SEES_cli/dznohup/adopt) $(SEES_cli/dznohup/keep)))
INCLUDES = $(addprefix -I,$(SEES_$(patsubst %/,%,$(dir $<))))
# The library has no libc of its own: no symbol of the stack protector or of FORTIFY,
# which musl programs could not resolve.
FREE := -fPIC -fvisibility=hidden -fno-stack-protector -U_FORTIFY_SOURCE \
	-D_FORTIFY_SOURCE=0
# aarch64: libgcc's helpers for atomics would bring a constructor of their own, and a
# symbol that musl lacks.
FREE += $(if $(findstring aarch64,$(shell $(CC) -dumpmachine)),-mno-outline-atomics)
Q := $(if $(V),,@)
DEFINES := -DDZ_VERSION='"$(VERSION)"' -DDZ_SHIM_PATH='"$(LIBDIR)/libdz.so"'

objects = $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(1)/*.c))
BELOW := $(call objects,core/base) $(call objects,core/job)
PLAN := $(call objects,core/plan)
CORE := $(BELOW) $(PLAN) $(call objects,core/start) $(call objects,core/wait)
CLI := $(call objects,cli/dznohup) $(call objects,cli/dznohup/keep) \
	$(call objects,cli/dznohup/adopt)
# What each start runs.  It is linked in front, behind what each start runs of libc, so
# that a start maps few pages and writes to one page of data.
FRONT := -Wl,-u,__stack_chk_fail,-u,getopt_long -lc
OFTEN := $(call objects,cli/dznohup) $(PLAN) $(call objects,core/base) $(call objects,core/start)
CTL := $(call objects,cli/dzctl) $(call objects,cli/dzctl/inspect)
# What each call of an interposed function reads comes first: it shares a page with data
# that the dynamic linker writes to.
READ := $(BUILD)/shim/next.o $(call objects,shim/nodaemon)
SHIM := $(READ) $(filter-out $(READ),$(call objects,shim))
# The core's objects in the library are other ones than the launcher's.
LIBRARY := $(SHIM) $(patsubst $(BUILD)/%,$(BUILD)/library/%,$(CORE))
include tests/coverage/coverage.mk
include tests/sanitize/sanitize.mk

.DEFAULT_GOAL := all
.PHONY: all check engines bench-fleet targets lint bench screens faults distros first-hour demo install install-library uninstall deb dist clean
.DELETE_ON_ERROR:

all: $(BUILD)/dznohup $(BUILD)/dzctl $(BUILD)/libdz.so

# Musl's static start is the shortest: glibc's asks the processor for its caches, which
# a virtual machine answers slowly.  A static launcher of glibc starts faster than a
# dynamic one.
ifdef LAUNCHER_CC
COMPILERS := '$(LAUNCHER_CC)'
else
COMPILERS := $(if $(filter default,$(origin CC)$(filter 0,$(STATIC))),musl-gcc) '$(CC)'
endif

# Objects follow the compiler and the flags, not only the sources.
SETTINGS := $(CC) $(CFLAGS) $(CPPFLAGS) $(LDFLAGS) $(subst ','\'',$(DEFINES) $(COMPILERS)) \
	$(STATIC) $(shell command -v musl-gcc)
$(BUILD)/flags: Makefile FORCE
	@mkdir -p $(sort $(dir $(CORE) $(CLI) $(CTL) $(LIBRARY))) $(BUILD)/targets
	@echo '$(SETTINGS)' | cmp -s - $@ && [ $@ -nt Makefile ] || echo '$(SETTINGS)' >$@
FORCE:

# The first compiler that links a static program; else the last one links a dynamic one.
# Fewer mappings and pages save a fifth of a launch: the tables of a program with a fixed
# address are constants, where another one writes their pointers at its start.
STATICALLY := -static -Wl,-z,noseparate-code -Wl,-z,norelro -Wl,--gc-sections
$(BUILD)/launcher.mk: $(BUILD)/flags
	@link= kind=dynamic; for by in $(COMPILERS); do \
		if [ '$(STATIC)' != 0 ] && echo 'int main(void){return 0;}' | $$by $(CFLAGS) \
			$(LDFLAGS) $(STATICALLY) -x c -o $(BUILD)/probe - 2>/dev/null; \
		then link='$(STATICALLY)' kind=static; break; fi; \
	done; \
	printf 'LAUNCHER := %s\nLINK := %s\nFIXED := %s\n' "$$by" "$$link" "$${link:+-fno-pie}" >$@; \
	echo "dznohup and dzctl: $$kind, by $$by"; rm -f $(BUILD)/probe

ifneq ($(filter-out bench bench-fleet check clean engines uninstall deb dist distros first-hour,$(or $(MAKECMDGOALS),all)),)
include $(BUILD)/launcher.mk
endif

COMPILE = $(CPPFLAGS) $(CFLAGS) $(BASE) $(INCLUDES) $(DEFINES) -c -o $@ $<
# Not for the core: names like open64 are not in every libc.
$(BUILD)/cli/%.o: BASE += -D_FILE_OFFSET_BITS=64
$(BUILD)/%.o: %.c $(BUILD)/flags
	@echo "  CC    $<"
	$(Q)$(LAUNCHER) $(FIXED) $(SANITIZE) $(COMPILE)

$(BUILD)/library/%.o $(BUILD)/shim/%.o: BASE += $(FREE)
$(BUILD)/library/%.o: %.c $(BUILD)/flags
	@echo "  CC    $< (library)"
	$(Q)$(CC) $(COMPILE)
$(BUILD)/shim/%.o: shim/%.c $(BUILD)/flags
	@echo "  CC    $<"
	$(Q)$(CC) $(COMPILE)

$(BUILD)/dznohup: $(CLI) $(CORE) $(BUILD)/flags
	@echo "  LINK  $@"
	$(Q)$(LAUNCHER) $(CFLAGS) $(SANITIZE) $(LDFLAGS) $(LINK) -o $@ \
		$(FRONT) $(OFTEN) -lc $(filter-out $(OFTEN),$(CLI) $(CORE)) $(LDLIBS)

$(BUILD)/dzctl: $(CTL) $(PLAN) $(BELOW) $(BUILD)/flags
	@echo "  LINK  $@"
	$(Q)$(LAUNCHER) $(CFLAGS) $(SANITIZE) $(LDFLAGS) $(LINK) -o $@ $(CTL) $(PLAN) $(BELOW) \
		-pthread $(LDLIBS)

# The core's own calls of what the library interposes go to the next definition.
INTERPOSED = $(shell sed 's,/\*.*\*/,,; /local:/d' shim/libdz.map | grep -o '[A-Za-z_0-9]*;' | tr -d ';')
WRAP = $(addprefix -Wl$(comma)--wrap=,$(INTERPOSED))
comma := ,

# No DT_NEEDED: the program's own libc serves it.  initfirst: before any other
# constructor.  libgcc has what the compiler may call on 32 bits.  Two segments and no
# relro: each mapping that the dynamic linker makes or protects costs every program that
# only passes the library through.
$(BUILD)/libdz.so: $(LIBRARY) shim/libdz.map $(BUILD)/flags
	@echo "  LINK  $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -shared -nostdlib -Wl,-z,initfirst -Wl,-z,now \
		-Wl,-z,noseparate-code -Wl,-z,norelro -Wl,-z,noexecstack -Wl,-soname,libdz.so \
		-Wl,--version-script=shim/libdz.map $(WRAP) -o $@ $(LIBRARY) $(LDLIBS) -lgcc

include tests/targets/targets.mk
include tests/bench/bench.mk
include tests/fuzz/fuzz.mk

demo: all
	@BUILD='$(BUILD)' sh tests/demo.sh

# What the tests need is installed first: the compiler of the default build is part of it.
check:
	@bash tests/deps tests
	@$(MAKE) --no-print-directory all
	@BUILD='$(BUILD)' bash tests/run

# Under the real engines, which it installs, as root on Debian.
engines:
	@bash tests/deps engines
	@$(MAKE) --no-print-directory all
	@BUILD='$(BUILD)' DZ_TEST_STRICT=1 bash tests/run tests/engines/*.bats

lint: all
	@BUILD='$(BUILD)' bash tests/lint

# Some ten minutes on a quiet machine.  ROUNDS=4 only shows that it works.
bench:
	@bash tests/deps bench
	@$(MAKE) --no-print-directory all targets bench-programs
	@python3 tests/bench/jobs '$(BUILD)' $(ROUNDS)
	-@python3 tests/bench/listen '$(BUILD)' $(ROUNDS)
	@python3 tests/bench/calls '$(BUILD)'
	@python3 tests/bench/pump '$(BUILD)' $(ROUNDS)
	@python3 tests/bench/adopt '$(BUILD)' $(ROUNDS)
	@python3 tests/bench/launch '$(BUILD)' $(ROUNDS)
	@python3 tests/bench/report '$(BUILD)'

# The sessions of README and its picture, recorded again.
screens: all
	@python3 tests/screens/screens.py '$(BUILD)' write

# 200 hosts on one machine, each with a redis; 1,000 jobs on one.  As root.
bench-fleet:
	@bash tests/deps engines
	@$(MAKE) --no-print-directory all
	@bash tests/bench/fleet '$(BUILD)' $(HOSTS) $(JOBS)

# Each system call of each mode fails once in each way; some ten minutes.
faults: all targets
	@bash tests/deps tests
	@BUILD='$(BUILD)' nice python3 tests/faults

# In roots of Debian 11, 12 and 13 that debootstrap makes, as root.
distros:
	@BUILD='$(BUILD)' bash tests/distros

# A new user does what README says, in a root of Debian 12, as root.
first-hour:
	@BUILD='$(BUILD)' bash tests/distros first-hour

# The library alone: beside a whole installation, for programs of another word size.
install-library: $(BUILD)/libdz.so
	install -d '$(DESTDIR)$(LIBDIR)'
	install -m 644 $(BUILD)/libdz.so '$(DESTDIR)$(LIBDIR)/libdz.so'

install: all install-library
	install -d '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(MANDIR)/man1' '$(DESTDIR)$(MANDIR)/man7' \
		'$(DESTDIR)$(BASHDIR)' '$(DESTDIR)$(ZSHDIR)' '$(DESTDIR)$(FISHDIR)'
	install -m 755 $(BUILD)/dznohup '$(DESTDIR)$(BINDIR)/dznohup'
	install -m 755 $(BUILD)/dzctl '$(DESTDIR)$(BINDIR)/dzctl'
	install -m 644 man/dznohup.1 '$(DESTDIR)$(MANDIR)/man1/dznohup.1'
	install -m 644 man/dzctl.1 '$(DESTDIR)$(MANDIR)/man1/dzctl.1'
	install -m 644 man/libdz.7 '$(DESTDIR)$(MANDIR)/man7/libdz.7'
	install -m 644 man/dz-engines.7 '$(DESTDIR)$(MANDIR)/man7/dz-engines.7'
	install -m 644 completions/dznohup.bash '$(DESTDIR)$(BASHDIR)/dznohup'
	install -m 644 completions/dzctl.bash '$(DESTDIR)$(BASHDIR)/dzctl'
	install -m 644 completions/_dznohup completions/_dzctl '$(DESTDIR)$(ZSHDIR)'
	install -m 644 completions/dznohup.fish completions/dzctl.fish '$(DESTDIR)$(FISHDIR)'
	@# A real install: LD_PRELOAD=libdz.so finds the bare name by the cache.
	if [ -z '$(DESTDIR)' ] && command -v ldconfig >/dev/null && \
		[ "$$(id -u)" = 0 ]; then ldconfig; fi

uninstall:
	rm -f '$(DESTDIR)$(BINDIR)/dznohup' '$(DESTDIR)$(BINDIR)/dzctl' \
		'$(DESTDIR)$(LIBDIR)/libdz.so' '$(DESTDIR)$(MANDIR)/man1/dznohup.1' \
		'$(DESTDIR)$(MANDIR)/man1/dzctl.1' '$(DESTDIR)$(MANDIR)/man7/libdz.7' \
		'$(DESTDIR)$(MANDIR)/man7/dz-engines.7' \
		'$(DESTDIR)$(BASHDIR)/dznohup' '$(DESTDIR)$(BASHDIR)/dzctl' \
		'$(DESTDIR)$(ZSHDIR)/_dznohup' '$(DESTDIR)$(ZSHDIR)/_dzctl' \
		'$(DESTDIR)$(FISHDIR)/dznohup.fish' '$(DESTDIR)$(FISHDIR)/dzctl.fish'
	if [ -z '$(DESTDIR)' ] && command -v ldconfig >/dev/null && \
		[ "$$(id -u)" = 0 ]; then ldconfig; fi

# Built from a copy, since dpkg-buildpackage writes into its sources and beside
# them; the copy's make is to know nothing of this one's variables.
PACKAGED := Makefile README.md cli completions core debian man shim tests/targets \
	$(wildcard tests/*/*.mk)
deb:
	@bash tests/deps deb
	rm -rf '$(BUILD)/deb'
	mkdir -p '$(BUILD)/deb/source'
	cp -a --parents $(PACKAGED) '$(BUILD)/deb/source'
	cd '$(BUILD)/deb/source' && env -u BUILD -u MAKEFLAGS -u MAKELEVEL \
		DEB_BUILD_OPTIONS="noautodbgsym $$DEB_BUILD_OPTIONS" dpkg-buildpackage -b -us -uc
	@ls '$(BUILD)/deb/'*.deb

# One tarball for any Linux of this machine's kind, of the last commit.
dist:
	@bash tests/deps deb
	@bash tests/dist build '$(BUILD)/dist' '$(VERSION)'

clean:
	rm -rf '$(BUILD)'

-include $(wildcard $(BUILD)/*/*.d $(BUILD)/*/*/*.d $(BUILD)/*/*/*/*.d)
