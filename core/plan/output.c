/*
 * The values of -o, -e and -i, and of the options about what is written there: each is
 * parsed once.
 */
#include "plan.h"

#include <string.h>

static const char syslog_kind[] = "syslog:";
static const char journal_kind[] = "journal:";

/* Priorities of syslog(3), whose header has no such table in every libc. */
static const char *const levels[] = {"emerg",   "alert",  "crit", "err",
                                     "warning", "notice", "info", "debug"};
enum { ERR = 3, INFO = 6, DAEMON = 3 };

static const struct {
    const char *name;
    int number;
} facilities[] = {
    {"kern", 0},      {"user", 1},    {"mail", 2},    {"daemon", 3},  {"auth", 4},
    {"syslog", 5},    {"lpr", 6},     {"news", 7},    {"uucp", 8},    {"cron", 9},
    {"authpriv", 10}, {"ftp", 11},    {"local0", 16}, {"local1", 17}, {"local2", 18},
    {"local3", 19},   {"local4", 20}, {"local5", 21}, {"local6", 22}, {"local7", 23},
};

static bool is_word(const char *word, const char *text, size_t length)
{
    return strlen(word) == length && memcmp(word, text, length) == 0;
}

/* Returns the number of a facility, or -1. */
static int find_facility(const char *text, size_t length)
{
    for (size_t i = 0; i < sizeof facilities / sizeof facilities[0]; i++)
        if (is_word(facilities[i].name, text, length))
            return facilities[i].number;
    return -1;
}

/* Returns the number of a level, or -1. */
static int find_level(const char *text)
{
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (strcmp(levels[i], text) == 0)
            return (int)i;
    return -1;
}

/* Reads "[FACILITY][.LEVEL]". */
static int parse_priority(struct dz_output *output, const char *text, int level,
                          struct dz_fault *fault)
{
    size_t length = strcspn(text, ".");
    int facility = length > 0 ? find_facility(text, length) : DAEMON;

    if (facility < 0)
        return dz_fault(fault, NULL, text, 0,
                        "not a facility of syslog, such as daemon, user or local0");
    if (text[length] == '.' && (level = find_level(text + length + 1)) < 0)
        return dz_fault(fault, NULL, text, 0,
                        "not a level of syslog, such as err, warning or info");
    output->priority = facility << 3 | level;
    return 0;
}

int dz_parse_input(void *field, const char *value, struct dz_fault *fault)
{
    struct dz_output *output = field;

    if (*value == '\0')
        return dz_fault(fault, NULL, NULL, 0, "empty");
    output->kind = strcmp(value, "-") == 0 ? DZ_OUTPUT_KEEP : DZ_OUTPUT_FILE;
    output->text = value;
    return 0;
}

/* Parses the value of -o or -e, with that level for syslog and the journal. */
static int parse_output(struct dz_output *output, const char *value, int level,
                        struct dz_fault *fault)
{
    if (strncmp(value, syslog_kind, sizeof syslog_kind - 1) == 0) {
        output->kind = DZ_OUTPUT_SYSLOG;
        output->text = value + sizeof syslog_kind - 1;
        return parse_priority(output, output->text, level, fault);
    }
    if (strncmp(value, journal_kind, sizeof journal_kind - 1) == 0) {
        output->kind = DZ_OUTPUT_JOURNAL;
        output->text = value + sizeof journal_kind - 1;
        output->priority = DAEMON << 3 | level;
        return *output->text == '\0'
                   ? 0
                   : dz_fault(fault, NULL, value, 0, "nothing may follow journal:");
    }
    if (*value != '|')
        return dz_parse_input(output, value, fault);
    output->kind = DZ_OUTPUT_COMMAND;
    output->text = value + 1;
    return *output->text != '\0' ? 0
                                 : dz_fault(fault, NULL, value, 0, "needs a command");
}

int dz_parse_output(void *field, const char *value, struct dz_fault *fault)
{
    return parse_output(field, value, INFO, fault);
}

int dz_parse_error(void *field, const char *value, struct dz_fault *fault)
{
    return parse_output(field, value, ERR, fault);
}

const char *dz_show_output(const void *field, char *scratch)
{
    const struct dz_output *output = field;
    struct dz_text text = dz_text(scratch, DZ_SHOWN_MAX);

    switch (output->kind) {
    case DZ_OUTPUT_UNSET:
        return NULL;
    case DZ_OUTPUT_KEEP:
    case DZ_OUTPUT_FILE:
        return output->text;
    case DZ_OUTPUT_SYSLOG:
        dz_add(&text, syslog_kind);
        break;
    case DZ_OUTPUT_JOURNAL:
        dz_add(&text, journal_kind);
        break;
    case DZ_OUTPUT_COMMAND:
        dz_add(&text, "|");
        break;
    }
    dz_add(&text, output->text);
    return scratch;
}

/* ---- time stamps and rotation ---- */

int dz_parse_timestamps(void *field, const char *value, struct dz_fault *fault)
{
    const char **format = field;

    if (value == NULL || strcmp(value, DZ_STAMP_DEFAULT) == 0) {
        *format = DZ_STAMP_DEFAULT;
        return 0;
    }
    if (strchr(value, '%') == NULL || value[strcspn(value, "\n")] != '\0')
        return dz_fault(fault, NULL, value, 0,
                        "must be rfc3339 or a format of strftime(3) on one line");
    *format = value;
    return 0;
}

/* Returns how many bytes a unit stands for, 1 without one, 0 for another letter. */
static int64_t unit_of(const char **at)
{
    static const char units[] = "kMG";
    const char *unit = **at != '\0' && **at != ',' ? strchr(units, **at) : NULL;
    int64_t bytes = 1;

    if (unit == NULL)
        return **at == '\0' || **at == ',' ? 1 : 0;
    ++*at;
    for (const char *below = units; below <= unit; below++)
        bytes *= 1024;
    return bytes;
}

int dz_parse_rotation(void *field, const char *value, struct dz_fault *fault)
{
    enum { DEFAULT_COUNT = 5, MOST = 10000 };
    struct dz_rotation *rotation = field;
    const char *at = value;
    int count = DEFAULT_COUNT;
    int64_t size;
    int64_t unit = 0;

    if (dz_read_long(&at, &size) == 0)
        unit = unit_of(&at);
    if (unit == 0 || size < 1 || size > INT64_MAX / unit ||
        (*at == ',' && (at++, count = dz_read_number(&at)) < 1) || *at != '\0' ||
        count > MOST)
        return dz_fault(fault, NULL, value, 0,
                        "must be SIZE or SIZE,COUNT, such as 10M or 500k,9");
    rotation->size = size * unit;
    rotation->count = count;
    return 0;
}

const char *dz_show_rotation(const void *field, char *scratch)
{
    const struct dz_rotation *rotation = field;
    struct dz_text text = dz_text(scratch, DZ_SHOWN_MAX);

    if (rotation->size == 0)
        return NULL;
    dz_add_number(&text, rotation->size);
    dz_add(&text, ",");
    dz_add_number(&text, rotation->count);
    return scratch;
}

/* Returns whether a process of ours writes what goes there. */
static bool is_written(const struct dz_output *output)
{
    return output->kind == DZ_OUTPUT_SYSLOG || output->kind == DZ_OUTPUT_JOURNAL ||
           output->kind == DZ_OUTPUT_COMMAND;
}

bool dz_wants_pump(const struct dz_plan *plan)
{
    return plan->timestamps != NULL || plan->rotate.size > 0 ||
           is_written(&plan->output) || is_written(&plan->error);
}
