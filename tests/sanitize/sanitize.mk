# make check SAN=1: dznohup, dzctl and the core in them under ASan and UBSan, by CC.  The
# Makefile includes this.  libdz.so goes into foreign programs, and is built without.

ifdef SAN
STATIC := 0
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -static-libasan -static-libubsan
CORE += $(BUILD)/sanitize/options.o
BELOW += $(BUILD)/sanitize/options.o

$(BUILD)/sanitize/options.o: tests/sanitize/options.c $(BUILD)/flags
	@mkdir -p -m 1777 $(BUILD)/reports $(@D)
	$(Q)$(CC) $(CFLAGS) $(BASE) $(SEES_ALL) -DDZ_REPORTS='"$(abspath $(BUILD))/reports/of"' -c -o $@ $<
endif
