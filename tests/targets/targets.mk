# The small victims of the tests; the Makefile includes this.

TARGETS := $(addprefix $(BUILD)/targets/,environment server server-static \
	opens-tty opens-library listens hostile asks-initfirst initfirst.so joins-thread.so \
	prints signals signals-static threads hit hit-early early-default.so \
	daemonizes parents again silences waits execs refuses audits.so logs on-hangup interposes \
	victim victim-static opened opened-library.so adoptee adoptee-static chain odd-execs)
TARGETS += $(addprefix $(BUILD)/targets/,numbers pumps ends-by notes-signals orphans kept-victim-static)
ifneq ($(shell command -v g++),)
TARGETS += $(addprefix $(BUILD)/targets/,statics prints-cout hangup early early.so)
endif
# Not gcc-multilib, which has a link /usr/include/asm.
ifneq ($(wildcard /usr/lib/gcc/x86_64-linux-gnu/*/32/libgcc.a),)
TARGETS += $(BUILD)/targets/adoptee-32
endif
ifneq ($(shell command -v musl-gcc),)
TARGETS += $(addprefix $(BUILD)/targets/,server-musl server-musl-static environment-musl \
	prints-musl signals-musl signals-musl-static threads-musl daemonizes-musl parents-musl silences-musl waits-musl execs-musl chain-musl \
	adoptee-musl adoptee-musl-static)
endif
OPENBLAS := $(firstword $(wildcard /usr/lib/*/openblas-pthread/libopenblas.so.0))
ifneq ($(OPENBLAS),)
TARGETS += $(BUILD)/targets/blas
endif
TARGET_FLAGS := -O1 -g -D_GNU_SOURCE -Wall -Wextra -Icore/base
# Apart from libc before glibc 2.34; a target gets what it uses, and no other.
TARGET_LIBS := -Wl,--as-needed -lpthread -ldl

# The targets are built by the system's own compilers, whatever CC is.
targets: $(TARGETS)
$(BUILD)/targets/%: tests/targets/%.c $(BUILD)/flags
	gcc $(TARGET_FLAGS) -o $@ $< $(TARGET_LIBS)
$(BUILD)/targets/%-static: tests/targets/%.c $(BUILD)/flags
	gcc $(TARGET_FLAGS) -static -o $@ $< $(TARGET_LIBS)
$(BUILD)/targets/%-32: tests/targets/%.c $(BUILD)/flags
	gcc -m32 $(TARGET_FLAGS) -idirafter /usr/include/x86_64-linux-gnu -o $@ $< $(TARGET_LIBS)
$(BUILD)/targets/%-musl: tests/targets/%.c $(BUILD)/flags
	musl-gcc $(TARGET_FLAGS) -o $@ $< $(TARGET_LIBS)
$(BUILD)/targets/%-musl-static: tests/targets/%.c $(BUILD)/flags
	musl-gcc $(TARGET_FLAGS) -static -o $@ $< $(TARGET_LIBS)
$(BUILD)/targets/%: tests/targets/%.cc $(BUILD)/flags
	g++ $(TARGET_FLAGS) -o $@ $< $(TARGET_LIBS)
$(BUILD)/targets/early.so: tests/targets/early.cc $(BUILD)/flags
	g++ $(TARGET_FLAGS) -DLIBRARY -fPIC -shared -Wl,-z,initfirst -o $@ $< $(TARGET_LIBS)
$(BUILD)/targets/blas: tests/targets/blas.c $(BUILD)/flags
	gcc $(TARGET_FLAGS) -o $@ $< $(OPENBLAS) $(TARGET_LIBS)
$(BUILD)/targets/%.so: tests/targets/%.c $(BUILD)/flags
	gcc $(TARGET_FLAGS) -fPIC -shared -Wl,-z,initfirst -o $@ $< $(TARGET_LIBS)
# A library that opens a descriptor, behind one whose constructor takes the first place.
$(BUILD)/targets/opened-library.so: tests/targets/opened.c $(BUILD)/flags
	gcc $(TARGET_FLAGS) -DLIBRARY -fPIC -shared -o $@ $<
$(BUILD)/targets/opened: tests/targets/opened.c $(BUILD)/targets/opened-library.so \
		$(BUILD)/targets/initfirst.so
	gcc $(TARGET_FLAGS) -o $@ $< -Wl,--no-as-needed,-rpath,'$$ORIGIN' \
		-L$(BUILD)/targets -l:opened-library.so -l:initfirst.so
$(BUILD)/targets/hit-early: tests/targets/hit.c $(BUILD)/targets/early-default.so
	gcc $(TARGET_FLAGS) -o $@ $< -Wl,--no-as-needed,-rpath,'$$ORIGIN' \
		-L$(BUILD)/targets -l:early-default.so
# The pump of the launcher, by the launcher's compiler.
$(BUILD)/targets/pumps: tests/targets/pumps.c $(filter-out %/dznohup.o %/keeper.o,$(CLI)) $(CORE)
	$(LAUNCHER) $(CFLAGS) $(SANITIZE) $(BASE) -D_FILE_OFFSET_BITS=64 $(SEES_ALL) $(LDFLAGS) \
		$(LINK) -o $@ $(filter %.c %.o,$^) $(LDLIBS)
