# What make bench needs beside the launcher; the Makefile includes this.

BENCH := $(BUILD)/bench
BENCH_FLAGS := -O2 -g -D_GNU_SOURCE -Wall -Wextra -Icore/base

.PHONY: bench-programs bench-builds
bench-programs: $(addprefix $(BENCH)/,rounds steps calls target target-dynamic empty.so) \
	bench-builds
# Launchers and library are measured as they are installed: a file's pages lie better in
# the page cache after a copy than as the linker has written them.
bench-builds: all
	$(Q)$(MAKE) --no-print-directory BUILD='$(BENCH)/glibc' LAUNCHER_CC='$(CC)' \
		'$(BENCH)/glibc/dznohup'
	$(Q)$(MAKE) --no-print-directory BUILD='$(BENCH)/dynamic' LAUNCHER_CC='$(CC)' STATIC=0 \
		'$(BENCH)/dynamic/dznohup'
	@mkdir -p $(BENCH)/default/bin $(BENCH)/glibc/bin $(BENCH)/dynamic/bin
	@install -m 755 $(BUILD)/dznohup $(BENCH)/default/bin/
	@install -m 644 $(BUILD)/libdz.so $(BENCH)/default/
	@install -m 755 $(BENCH)/glibc/dznohup $(BENCH)/glibc/bin/
	@install -m 755 $(BENCH)/dynamic/dznohup $(BENCH)/dynamic/bin/
$(BENCH)/%: tests/bench/%.c tests/bench/note.h $(BUILD)/flags
	@mkdir -p $(BENCH)
	gcc $(BENCH_FLAGS) -o $@ $<
$(BENCH)/calls: tests/bench/calls.c $(BUILD)/flags
	@mkdir -p $(BENCH)
	gcc $(BENCH_FLAGS) -Wno-deprecated-declarations -o $@ $<
# Static, and by musl as its start is the shortest.
$(BENCH)/target: tests/bench/target.c tests/bench/note.h $(BUILD)/flags
	@mkdir -p $(BENCH)
	musl-gcc $(BENCH_FLAGS) -static -o $@ $<
$(BENCH)/target-dynamic: tests/bench/target.c tests/bench/note.h $(BUILD)/flags
	@mkdir -p $(BENCH)
	gcc $(BENCH_FLAGS) -o $@ $<
$(BENCH)/empty.so: $(BUILD)/flags
	@mkdir -p $(BENCH)
	gcc -shared -x c -o $@ /dev/null
