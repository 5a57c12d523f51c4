# make coverage: the suite on a build that counts, by gcov and lcov.  The Makefile
# includes this.

COVERAGE_BUILD ?= $(BUILD)-cov
WRAPPED := _exit execve execvp kill

.PHONY: coverage
coverage:
	@bash tests/deps coverage
	@$(MAKE) -s BUILD='$(COVERAGE_BUILD)' LAUNCHER_CC='$(CC)' CFLAGS='-O0 -g --coverage' \
		LDLIBS='-lgcov $(addprefix -Wl$(comma)--wrap=,$(WRAPPED))' COVERAGE=1 all
	@bash tests/coverage/run '$(COVERAGE_BUILD)'

# In that build.  libdz.so has libgcov in it, as it may need no library: what that
# takes from a libc is in musl too.
ifdef COVERAGE
CORE += $(BUILD)/coverage/flush.o
BELOW += $(BUILD)/coverage/flush.o
LIBRARY += $(BUILD)/coverage/flush.o $(BUILD)/coverage/loaded.o
endif
$(BUILD)/coverage/%.o: tests/coverage/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out --coverage,$(CFLAGS)) $(BASE) $(SEES_ALL) $(FREE) -c -o $@ $<
