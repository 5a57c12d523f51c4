/*
 * The values of options: parsers, and their inverses, which show a value as it would be
 * written.
 *
 * A show function returns NULL if the field has its default.
 */
#include "plan.h"

#include <string.h>

int dz_parse_text(void *field, const char *value, struct dz_fault *fault)
{
    if (*value == '\0')
        return dz_fault(fault, NULL, NULL, 0, "empty");
    *(const char **)field = value;
    return 0;
}

const char *dz_show_text(const void *field, char *scratch)
{
    (void)scratch;
    return *(const char *const *)field;
}

int dz_parse_directory(void *field, const char *value, struct dz_fault *fault)
{
    if (*value != '/')
        return dz_fault(fault, NULL, value, 0, "not an absolute path");
    return dz_parse_text(field, value, fault);
}

int dz_parse_flag(void *field, const char *value, struct dz_fault *fault)
{
    if (value != NULL && strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
        return dz_fault(fault, NULL, value, 0, "must be 0 or 1");
    *(bool *)field = value == NULL || *value == '1';
    return 0;
}

const char *dz_show_flag(const void *field, char *scratch)
{
    (void)scratch;
    return *(const bool *)field ? "" : NULL;
}

/* ---- one of several words: the field is an enum, its first value the default ---- */

static const char *const modes[] = {"", "leave", "stay", NULL};
static const char *const buffers[] = {"", "line", "none", "full", NULL};
static const char *const pins[] = {"", "default", "all", "seccomp", NULL};
static const char *const no_daemons[] = {"0", "1", "quiet", NULL};

/* Returns the index of value in the list, or -1. */
static int find_word(const char *const *list, const char *value)
{
    for (int i = 0; list[i] != NULL; i++)
        if (*value != '\0' && strcmp(list[i], value) == 0)
            return i;
    return -1;
}

/* The value is all; NULL for the option without one. */
int dz_parse_help(void *field, const char *value, struct dz_fault *fault)
{
    if (value != NULL && strcmp(value, "all") != 0)
        return dz_fault(fault, NULL, value, 0, "must be all");
    *(enum dz_help *)field = value != NULL ? DZ_HELP_ALL : DZ_HELP_SHORT;
    return 0;
}

/* The value is stay or leave; NULL for --daemon. */
int dz_parse_mode(void *field, const char *value, struct dz_fault *fault)
{
    int mode = value == NULL ? DZ_LEAVE : find_word(modes, value);

    if (mode < 0)
        return dz_fault(fault, NULL, value, 0, "must be stay or leave");
    *(enum dz_mode *)field = (enum dz_mode)mode;
    return 0;
}

const char *dz_show_mode(const void *field, char *scratch)
{
    enum dz_mode mode = *(const enum dz_mode *)field;

    (void)scratch;
    return mode == DZ_STAY ? NULL : modes[mode];
}

/* The value is line, none or full; NULL for --line-buffered. */
int dz_parse_buffer(void *field, const char *value, struct dz_fault *fault)
{
    int buffer = value == NULL ? DZ_BUFFER_LINE : find_word(buffers, value);

    if (buffer < 0)
        return dz_fault(fault, NULL, value, 0, "must be line, none or full");
    *(enum dz_buffer *)field = (enum dz_buffer)buffer;
    return 0;
}

const char *dz_show_buffer(const void *field, char *scratch)
{
    enum dz_buffer buffer = *(const enum dz_buffer *)field;

    (void)scratch;
    return buffer == DZ_BUFFER_AS_IS ? NULL : buffers[buffer];
}

/* The value is default, all or seccomp; NULL for the option without one. */
int dz_parse_pin(void *field, const char *value, struct dz_fault *fault)
{
    int pin = value == NULL ? DZ_PIN_DEFAULT : find_word(pins, value);

    if (pin < 0)
        return dz_fault(fault, NULL, value, 0, "must be default, all or seccomp");
    *(enum dz_pin *)field = (enum dz_pin)pin;
    return 0;
}

const char *dz_show_pin(const void *field, char *scratch)
{
    enum dz_pin pin = *(const enum dz_pin *)field;

    (void)scratch;
    return pin == DZ_PIN_NONE ? NULL : pins[pin];
}

/* The value is quiet, 1 or 0; NULL for the option without one. */
int dz_parse_no_daemon(void *field, const char *value, struct dz_fault *fault)
{
    int word = value == NULL ? DZ_NO_DAEMON : find_word(no_daemons, value);

    if (word < 0)
        return dz_fault(fault, NULL, value, 0, "must be quiet, 0 or 1");
    *(enum dz_no_daemon *)field = (enum dz_no_daemon)word;
    return 0;
}

const char *dz_show_no_daemon(const void *field, char *scratch)
{
    enum dz_no_daemon word = *(const enum dz_no_daemon *)field;

    (void)scratch;
    if (word == DZ_NO_DAEMON)
        return "";
    return word == DZ_MAY_DAEMONIZE ? NULL : no_daemons[word];
}

/* ---- numbers and lists ---- */

/* Reads an octal mask, as umask(1) does. */
int dz_parse_umask(void *field, const char *value, struct dz_fault *fault)
{
    int mask = 0;
    const char *at = value;

    for (; *at >= '0' && *at <= '7' && mask <= 0777; at++)
        mask = mask * 8 + (*at - '0');
    if (*at != '\0' || at == value || mask > 0777)
        return dz_fault(fault, NULL, value, 0, "not an octal mask from 0 to 777");
    *(int *)field = mask;
    return 0;
}

const char *dz_show_umask(const void *field, char *scratch)
{
    int mask = *(const int *)field;

    for (int i = 0; i < 3; i++)
        scratch[i] = (char)('0' + (mask >> (6 - 3 * i) & 7));
    scratch[3] = '\0';
    return mask < 0 ? NULL : scratch;
}

/* Reads "HUP,SIGUSR1,10,RTMIN+1".  A later option replaces an earlier one. */
int dz_parse_signals(void *field, const char *value, struct dz_fault *fault)
{
    uint64_t set = 0;
    const char *at = value;

    for (;;) {
        size_t length = strcspn(at, ",");
        int number = dz_signal_number(at, length);
        if (number < 1)
            return dz_fault(fault, NULL, value, 0,
                            "not a list of signals, such as INT,USR1");
        if (number == SIGKILL || number == SIGSTOP) /* sigaction(2): EINVAL */
            return dz_fault(fault, NULL, value, 0, "KILL and STOP cannot be ignored");
        set |= dz_signal_bit(number);
        if (at[length] == '\0')
            break;
        at += length + 1;
    }
    *(uint64_t *)field = set;
    return 0;
}

const char *dz_show_signals(const void *field, char *scratch)
{
    uint64_t set = *(const uint64_t *)field;
    struct dz_text text = dz_text(scratch, DZ_SHOWN_MAX);

    for (int number = 1; number <= DZ_SIGNALS; number++) {
        if ((set & dz_signal_bit(number)) == 0)
            continue;
        if (text.length > 0)
            dz_add_char(&text, ',');
        dz_add_signal(&text, number);
    }
    return set == 0 ? NULL : scratch;
}

int dz_parse_pid(void *field, const char *value, struct dz_fault *fault)
{
    const char *at = value;
    int number = dz_read_number(&at);

    if (number < 1 || *at != '\0')
        return dz_fault(fault, NULL, value, 0,
                        "not a PID; for a shell's job write $(jobs -p %1)");
    *(pid_t *)field = number;
    return 0;
}

const char *dz_show_pid(const void *field, char *scratch)
{
    struct dz_text text = dz_text(scratch, 16);

    if (*(const pid_t *)field == 0)
        return NULL;
    dz_add_number(&text, *(const pid_t *)field);
    return scratch;
}

/* Checks "3,7,12".  The field keeps the text, so their number has no limit. */
int dz_parse_fds(void *field, const char *value, struct dz_fault *fault)
{
    const char *at = value;

    for (;;) {
        int fd = dz_read_number(&at);
        if (fd < 0 || (*at != ',' && *at != '\0'))
            return dz_fault(fault, NULL, value, 0,
                            "not a list of descriptors, such as 3,9");
        if (fd < 3)
            return dz_fault(fault, NULL, value, 0,
                            "use -i -, -o - or -e - to keep 0, 1 or 2");
        if (*at == '\0')
            break;
        at++;
    }
    *(const char **)field = value;
    return 0;
}

int dz_parse_ready_fd(void *field, const char *value, struct dz_fault *fault)
{
    const char *at = value;
    int number = dz_read_number(&at);

    if (number < 3 || *at != '\0')
        return dz_fault(fault, NULL, value, 0, "not a descriptor from 3");
    *(int *)field = number;
    return 0;
}

const char *dz_show_ready_fd(const void *field, char *scratch)
{
    struct dz_text text = dz_text(scratch, DZ_SHOWN_MAX);

    dz_add_number(&text, *(const int *)field);
    return *(const int *)field > 0 ? scratch : NULL;
}

/* Takes a file name that dzctl can tell from a PID and from an option. */
int dz_parse_name(void *field, const char *value, struct dz_fault *fault)
{
    size_t digits = 0;
    size_t length = strlen(value);

    for (size_t i = 0; i < length; i++) {
        digits += value[i] >= '0' && value[i] <= '9';
        if ((unsigned char)value[i] <= ' ' || value[i] == '\177' || value[i] == '/')
            return dz_fault(fault, NULL, value, 0,
                            "a name has no slash, space or control character");
    }
    if (length == 0)
        return dz_fault(fault, NULL, NULL, 0, "empty");
    if (digits == length || value[0] == '.' || value[0] == '-')
        return dz_fault(fault, NULL, value, 0,
                        "a name is not a number and does not begin with . or -");
    *(const char **)field = value;
    return 0;
}

int dz_parse_timeout(void *field, const char *value, struct dz_fault *fault)
{
    const char *at = value;

    if (dz_read_seconds(&at, field) < 0 || *at != '\0')
        return dz_fault(fault, NULL, value, 0, "not a number of seconds");
    return 0;
}

const char *dz_show_timeout(const void *field, char *scratch)
{
    int64_t milliseconds = *(const int64_t *)field;
    struct dz_text text = dz_text(scratch, DZ_SHOWN_MAX);

    dz_add_seconds(&text, milliseconds);
    return milliseconds == DZ_DEFAULT_TIMEOUT ? NULL : scratch;
}
