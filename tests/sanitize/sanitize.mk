# make check SAN=1: dznohup, dzctl and the core in them under ASan and UBSan.  The
# Makefile includes this.  libdz.so goes into foreign programs and has objects of its
# own, without.

ifdef SAN
STATIC := 0
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -static-libasan -static-libubsan
LIBRARY := $(patsubst $(BUILD)/%,$(BUILD)/plain/%,$(SHIM) $(CORE))
CORE += $(BUILD)/sanitize/options.o
BELOW += $(BUILD)/sanitize/options.o

$(BUILD)/plain/%.o: BASE += $(FREE)
$(BUILD)/plain/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(BASE) $(INCLUDES) $(DEFINES) -c -o $@ $<

$(BUILD)/sanitize/options.o: tests/sanitize/options.c $(BUILD)/flags
	@mkdir -p -m 1777 $(BUILD)/reports $(@D)
	$(Q)$(CC) $(CFLAGS) $(BASE) $(SEES_ALL) -DDZ_REPORTS='"$(abspath $(BUILD))/reports/of"' -c -o $@ $<
endif
