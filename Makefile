# tracer: execution traces of any Linux process. `make help` lists the targets.

PREFIX	?= /usr/local
DESTDIR	?=
BUILD	?= build

CC	?= cc
CLANG	?= clang
BPFTOOL	?= $(firstword $(wildcard /usr/sbin/bpftool /usr/local/sbin/bpftool) bpftool)
PKG_CONFIG ?= pkg-config

CFLAGS	?= -O2 -g
VERSION	:= 0.1.0

ARCH	:= $(shell uname -m | sed -e 's/aarch64/arm64/' -e 's/x86_64/x86/')

LIBS_RECORD := $(shell $(PKG_CONFIG) --libs libbpf 2>/dev/null || echo -lbpf) -lelf
LIBS_TRACE  := -lzstd -lz
LIBS_EXPORT := -lsqlite3
LIBS_SERVE  := -lmicrohttpd
LIBS_SYMBOLS := -ldw -lelf -liberty
override CFLAGS += -std=gnu11 -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
		   -Wno-unused-parameter -fno-strict-aliasing -D_GNU_SOURCE \
		   -DTRACER_VERSION='"$(VERSION)"' -I. -I$(BUILD)
override CFLAGS += -MMD -MP

# Rooms. Everything but record and cli can be tested without root and without libbpf.
ROOMS_CORE := base trace symbols model frames report export serve
CORE_SRC   := $(foreach room,$(ROOMS_CORE),$(wildcard user/$(room)/*.c))
RECORD_SRC := $(wildcard user/record/*.c)
CLI_SRC	   := $(wildcard user/cli/*.c)
BPF_SRC	   := $(wildcard bpf/*.bpf.c)

obj = $(patsubst %.c,$(BUILD)/%.o,$(1))
CORE_OBJ   := $(call obj,$(CORE_SRC))
RECORD_OBJ := $(call obj,$(RECORD_SRC))
CLI_OBJ	   := $(call obj,$(CLI_SRC))
BPF_OBJ	   := $(patsubst bpf/%.bpf.c,$(BUILD)/bpf/%.bpf.o,$(BPF_SRC))

TRACER := $(BUILD)/tracer

# What other languages annotate with; C and C++ need only the header.
ANNOTATE := $(BUILD)/libtracer-annotate.so.1

.PHONY: all
all: $(TRACER) $(ANNOTATE) workloads ## build everything

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

$(TRACER): $(CLI_OBJ) $(RECORD_OBJ) $(CORE_OBJ)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_RECORD) $(LIBS_SYMBOLS) $(LIBS_EXPORT) $(LIBS_SERVE) $(LIBS_TRACE) -lm

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c -o $@ $<

$(ANNOTATE): user/annotate/library.c user/annotate/tracer.h
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -fPIC -fvisibility=hidden -shared -Wl,-soname,$(@F) $(LDFLAGS) -o $@ $<

# The kernel side: one object of all subjects, and its skeleton.
BPF_CFLAGS := -O2 -g -Wall -Wextra -Wno-unused-parameter -Wno-unused-function -target bpf -mcpu=v3 \
	      -D__TARGET_ARCH_$(ARCH) -I. -MMD -MP

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -c -o $@ $<

$(BUILD)/bpf/tracer.bpf.o: $(BPF_OBJ)
	$(BPFTOOL) gen object $@ $(sort $^)

$(BUILD)/bpf/tracer.skel.h: $(BUILD)/bpf/tracer.bpf.o
	$(BPFTOOL) gen skeleton $< name tracer_bpf > $@.tmp
	mv $@.tmp $@

# Names of the system calls, as the headers of this machine know them.
$(BUILD)/gen/syscall_names.h:
	@mkdir -p $(@D)
	echo '#include <asm/unistd.h>' | $(CC) -E -dM - | \
		sed -n 's/^#define __NR_\([a-z0-9_]*\) .*/SYSCALL(__NR_\1, "\1")/p' | \
		grep -v -e '"syscalls"' -e arch_specific | sort > $@

$(BUILD)/gen/compat_names.h:
	@mkdir -p $(@D)
	[ $(ARCH) != x86 ] || echo '#include <asm/unistd_32.h>' | $(CC) -E -dM - | \
		sed -n 's/^#define __NR_\([a-z0-9_]*\) \([0-9]*\)$$/SYSCALL(\2, "\1")/p' | sort > $@
	touch $@

$(RECORD_OBJ): | $(BUILD)/bpf/tracer.skel.h $(BUILD)/gen/syscall_names.h $(BUILD)/gen/compat_names.h

# What a page needs, as text in C: flame.js is flame_js[]
$(BUILD)/gen/%.h: user/export/%
	@mkdir -p $(@D)
	{ echo 'static const char $(subst .,_,$*)[] ='; \
		sed -e '/^\/\/ /d' -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/.*/"&\\n"/' $<; \
		echo ';'; } > $@.tmp
	mv $@.tmp $@

$(BUILD)/user/export/flame.o: | $(BUILD)/gen/flame.js.h $(BUILD)/gen/flame.css.h

# Tests
UNIT_SRC := $(filter-out tests/unit/helpers%.c,$(wildcard tests/unit/*.c))
UNIT_BIN := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(UNIT_SRC))
UNIT_AUX := $(call obj,$(wildcard tests/unit/helpers*.c))

$(BUILD)/tests/unit/%.o: override CFLAGS += -Werror=unused-function

$(UNIT_BIN): %: %.o $(UNIT_AUX) $(CORE_OBJ)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS_SYMBOLS) $(LIBS_EXPORT) $(LIBS_SERVE) $(LIBS_TRACE) -lm

# Of the recorder, what needs no kernel can be tested.
$(filter $(BUILD)/tests/unit/record_%,$(UNIT_BIN)): \
	$(call obj,$(addprefix user/record/,announced.c notes.c probe_args.c probe_words.c pulse.c restraint.c shelf.c \
		snapshot.c syscalls.c trigger.c watch.c watched.c watched_threads.c window.c))

# The command line without its commands can be tested too.
$(filter $(BUILD)/tests/unit/cli_%,$(UNIT_BIN)): \
	$(call obj,user/cli/options.c user/cli/help.c user/cli/manual.c)

.PHONY: check
check: $(UNIT_BIN) ## unit tests: no root, seconds
	@for t in $(UNIT_BIN); do $$t || failed=1; done; [ -z "$$failed" ]

SANITIZE := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all

.PHONY: check-asan
check-asan: ## unit tests with address and undefined behaviour sanitizers
	$(MAKE) check BUILD=$(BUILD)/asan CFLAGS='$(SANITIZE)'

.PHONY: lint
lint: ## check rooms, files, layout and scripts
	tests/lint/rooms
	tests/lint/files
	tests/lint/tools

.PHONY: deps
deps: ## install what build and tests need (Debian packages, as root)
	sh tests/deps.sh test

.PHONY: deps-more
deps-more: ## the same, and a JDK: without it the tests of the JVM are skipped
	sh tests/deps.sh more

# Benchmarks print a table; they never pass or fail.
BENCH_SRC := $(filter-out tests/bench/helpers%.c,$(wildcard tests/bench/*.c))
BENCH_AUX := $(call obj,$(wildcard tests/bench/helpers*.c))
BENCH_BIN := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(BENCH_SRC))

$(BUILD)/bench/%: override CFLAGS += -pthread
$(BUILD)/bench/%: tests/bench/%.c $(BENCH_AUX) $(CORE_OBJ)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.c %.o,$^) $(LIBS_SYMBOLS) $(LIBS_EXPORT) $(LIBS_SERVE) $(LIBS_TRACE) -lm

.PHONY: bench
bench: all $(BENCH_BIN) ## measure speed and memory, as a table and build/bench.json (as root)
	@BUILD=$(BUILD) tests/bench/run

$(BUILD)/bench/kernel $(BUILD)/bench/probes $(BUILD)/bench/stacks: $(BUILD)/bench/%: tests/bench/%.c $(BENCH_AUX) $(RECORD_OBJ) $(CORE_OBJ)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.c %.o,$^) $(LIBS_RECORD) $(LIBS_SYMBOLS) $(LIBS_EXPORT) $(LIBS_SERVE) $(LIBS_TRACE) -lm

WORKLOAD_SRC := $(wildcard tests/workloads/*.c)
WORKLOAD_BIN := $(patsubst tests/workloads/%.c,$(BUILD)/workloads/%,$(WORKLOAD_SRC))

# A test needs them; the build does without a C++ compiler.
CXX ?= g++
WORKLOAD_CXX := $(if $(shell command -v $(CXX) 2>/dev/null),$(wildcard tests/workloads/*.cpp))
WORKLOAD_BIN += $(patsubst tests/workloads/%.cpp,$(BUILD)/workloads/%,$(WORKLOAD_CXX))

.PHONY: workloads
workloads: $(WORKLOAD_BIN) ## build the programs that tests and the demo record

$(BUILD)/workloads/%: tests/workloads/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -pthread $(LDFLAGS) -o $@ $< -lm

$(BUILD)/workloads/%: tests/workloads/%.cpp
	@mkdir -p $(@D)
	$(CXX) -O2 -g -std=c++11 -Wall -Wextra -MMD -MP -I. -pthread $(LDFLAGS) -o $@ $<

# Installation
$(BUILD)/tracer.1: $(TRACER)
	$(TRACER) help --manual > $@.tmp
	mv $@.tmp $@

BINDIR = $(DESTDIR)$(PREFIX)/bin
MANDIR = $(DESTDIR)$(PREFIX)/share/man/man1
DOCDIR = $(DESTDIR)$(PREFIX)/share/doc/tracer
PROBESDIR = $(DESTDIR)$(PREFIX)/share/tracer/probes
LIBDIR = $(DESTDIR)$(PREFIX)/lib
INCLUDEDIR = $(DESTDIR)$(PREFIX)/include
UNITDIR = $(DESTDIR)$(PREFIX)/lib/systemd/system
DOCS  := $(wildcard README.md LICENSE user/trace/FORMAT.md user/report/JSON.md user/export/SQL.md \
	user/export/GO.md)

# Where python3 looks below PREFIX; when nowhere, PYTHONPATH has to say it.
PYTHONDIR ?= $(shell python3 -c 'import sys; print(next((p for p in sys.path if \
	p.startswith("$(PREFIX)/") and p.endswith("-packages")), \
	"$(PREFIX)/lib/python3/dist-packages"))' 2>/dev/null || echo $(PREFIX)/lib/python3/dist-packages)

PC := 'prefix=$(PREFIX)' 'includedir=$${prefix}/include' 'libdir=$${prefix}/lib' '' 'Name: tracer' \
	'Description: tasks, regions and logs for execution traces' 'Version: $(VERSION)' \
	'Cflags: -I$${includedir}'

.PHONY: install
install: $(TRACER) $(ANNOTATE) $(BUILD)/tracer.1 ## install to PREFIX [/usr/local], below DESTDIR
	install -d '$(BINDIR)' '$(MANDIR)' '$(DOCDIR)'
	install -m 755 $(TRACER) '$(BINDIR)/tracer'
	install -m 644 $(BUILD)/tracer.1 '$(MANDIR)/tracer.1'
	install -m 644 $(DOCS) '$(DOCDIR)'
	install -m 644 user/annotate/README.md '$(DOCDIR)/annotate.md'
	install -m 644 user/cli/tracer-flight.env '$(DOCDIR)/tracer-flight.env'
	install -d '$(UNITDIR)'
	sed 's|@BINDIR@|$(PREFIX)/bin|' 'user/cli/tracer-flight@.service' > '$(UNITDIR)/tracer-flight@.service'
	chmod 644 '$(UNITDIR)/tracer-flight@.service'
	install -d '$(INCLUDEDIR)' '$(LIBDIR)/pkgconfig' '$(DESTDIR)$(PYTHONDIR)'
	install -m 644 user/annotate/tracer.h '$(INCLUDEDIR)/tracer.h'
	install -m 755 $(ANNOTATE) '$(LIBDIR)/$(notdir $(ANNOTATE))'
	ln -sf '$(notdir $(ANNOTATE))' '$(LIBDIR)/libtracer-annotate.so'
	printf '%s\n' $(PC) > '$(LIBDIR)/pkgconfig/tracer.pc'
	install -d '$(PROBESDIR)'
	install -m 644 $(wildcard user/record/sets/*.probes) '$(PROBESDIR)'
	install -m 644 user/annotate/tracer.py '$(DESTDIR)$(PYTHONDIR)/tracer.py'

.PHONY: uninstall
uninstall: ## remove what install put there
	rm -f '$(BINDIR)/tracer' '$(MANDIR)/tracer.1' '$(INCLUDEDIR)/tracer.h' \
		'$(LIBDIR)/$(notdir $(ANNOTATE))' '$(LIBDIR)/libtracer-annotate.so' \
		'$(LIBDIR)/pkgconfig/tracer.pc' '$(DESTDIR)$(PYTHONDIR)/tracer.py' \
		'$(UNITDIR)/tracer-flight@.service'
	rm -rf '$(DOCDIR)' '$(PROBESDIR)'

.PHONY: live
live: all ## live tests on this kernel, as root (PATTERN=... chooses)
	BUILD=$(BUILD) tests/live/run $(PATTERN)

.PHONY: soak
soak: all ## ten minutes of load on a flight recorder, as root: its memory stays below its cap
	BUILD=$(BUILD) SOAK_SECONDS=600 tests/live/run memory_stays_below_the_cap

.PHONY: test
test: ## install what is missing, build, and pass all tests (as root)
	sh tests/deps.sh test
	@BUILD=$(BUILD) MAKE='$(MAKE)' tests/all

.PHONY: demo
demo: ## install what is missing, build, record a small server and report it (as root)
	sh tests/deps.sh build
	@$(MAKE) --no-print-directory -j $$(nproc) all
	@BUILD=$(BUILD) tests/demo

.PHONY: clean
clean: ## remove what was built
	rm -rf $(BUILD)

.PHONY: fmt
fmt: ## lay the code out as .clang-format says
	clang-format -i $(shell git ls-files '*.c')

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
