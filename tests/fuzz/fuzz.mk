# Fuzzing with libFuzzer, ASan and UBSan: make fuzz, FUZZ_SECONDS=N for each target.
# The Makefile includes this.  What is fuzzed is a build of its own beside the
# others, made by the same rules.

FUZZ_SECONDS ?= 10
FUZZ_BUILD ?= $(BUILD)-fuzz
FUZZ_FLAGS := -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all \
	-fsanitize=fuzzer-no-link,address,undefined
FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/*.c))

.PHONY: fuzz fuzz-build fuzz-targets
fuzz: fuzz-build
	@bash tests/fuzz/run '$(FUZZ_BUILD)' '$(FUZZ_SECONDS)'

fuzz-build:
	@bash tests/deps tests
	@$(MAKE) -s BUILD='$(FUZZ_BUILD)' CC=clang CFLAGS='$(FUZZ_FLAGS)' CPPFLAGS= \
		LDFLAGS= STATIC=0 fuzz-targets

# In that build, from here on.
fuzz-targets: $(FUZZ_TARGETS)

# libFuzzer has the main function; dzctl.c and dznohup.c have nothing else.
$(BUILD)/fuzz/dzctl.o: $(BUILD)/cli/dzctl/dzctl.o
	@mkdir -p $(@D)
	@objcopy --redefine-sym main=dzctl_main $< $@

# Each target takes what it calls; q, because names of files are not unique.
$(BUILD)/fuzz/all.a: $(BUILD)/fuzz/dzctl.o $(filter-out %/dznohup.o,$(CLI)) \
		$(filter-out %/dzctl.o,$(CTL)) $(CORE)
	@rm -f $@
	@ar qcs $@ $^

$(BUILD)/fuzz/%: tests/fuzz/%.c $(BUILD)/fuzz/all.a
	@echo "  FUZZ  $<"
	$(Q)$(CC) $(CFLAGS) $(BASE) $(SEES_ALL) -fsanitize=fuzzer -o $@ $< $(BUILD)/fuzz/all.a
