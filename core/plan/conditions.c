/*
 * What is waited for: --wait and --timeout as they are written.
 */
#include "wait.h"

#include <fcntl.h>
#include <string.h>

static const struct {
    const char *name;
    enum dz_condition_kind kind;
} kinds[] = {
    {"exec", DZ_WAIT_EXEC},     {"alive", DZ_WAIT_ALIVE},   {"main", DZ_WAIT_MAIN},
    {"listen", DZ_WAIT_LISTEN}, {"notify", DZ_WAIT_NOTIFY}, {"fd", DZ_WAIT_FD},
    {"path", DZ_WAIT_PATH},
};

/* Read seconds with at most three digits that count behind the point. */
static int read_milliseconds(const char **at, int64_t *milliseconds)
{
    const int64_t most = INT_MAX / 1000; /* 24 days; poll(2) takes an int */
    int64_t unit = 1000;

    if (dz_read_long(at, milliseconds) < 0 || *milliseconds >= most)
        return -1;
    *milliseconds *= 1000;
    if (**at != '.')
        return 0;
    for (++*at; **at >= '0' && **at <= '9'; ++*at) {
        unit /= 10;
        *milliseconds += (**at - '0') * unit;
        /* Less than a millisecond is one: 0 would be something else. */
        if (unit == 0 && **at != '0' && *milliseconds == 0)
            *milliseconds = 1;
    }
    return 0;
}

int dz_parse_seconds(void *field, const char *value, struct dz_fault *fault)
{
    const char *at = value;

    if (read_milliseconds(&at, field) < 0 || *at != '\0')
        return dz_fault(fault, NULL, value, 0, "not a number of seconds");
    return 0;
}

/* What stands behind the colon, from at to end, by the kind; nothing where there is no
 * colon.  NULL, or what is wrong. */
static const char *parse_value(struct dz_condition *condition, const char *at,
                               const char *end)
{
    int64_t milliseconds;

    switch (condition->kind) {
    case DZ_WAIT_ALIVE:
        if (read_milliseconds(&at, &milliseconds) < 0 || at != end)
            return "alive takes a number of seconds";
        condition->number = (int)milliseconds;
        return NULL;
    case DZ_WAIT_LISTEN:
        if (*at == '/' || *at == '@')
            break;
        condition->number = dz_read_number(&at);
        if (at == end && condition->number > 0 && condition->number < 65536)
            return NULL;
        return "listen takes a port from 1 to 65535, an absolute path or @NAME";
    case DZ_WAIT_FD:
        condition->number = dz_read_number(&at);
        return at == end && condition->number >= 3 ? NULL : "fd takes a number from 3";
    case DZ_WAIT_PATH:
        break;
    default:
        return "exec, main and notify take no value";
    }
    condition->path = at;
    condition->path_length = (int)(end - at);
    return end > at && end - at < PATH_MAX ? NULL : "path takes the name of a file";
}

static const char *parse_one(struct dz_condition *condition, const char *text,
                             size_t length)
{
    size_t name = strcspn(text, ":,");
    bool known = false;

    memset(condition, 0, sizeof *condition);
    condition->text = text;
    condition->length = (int)length;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strlen(kinds[i].name) == name && memcmp(kinds[i].name, text, name) == 0) {
            condition->kind = kinds[i].kind;
            known = true;
        }
    if (!known)
        return "none of exec, alive:SEC, main, listen[:PORT|:PATH], notify, fd:N, "
               "path:FILE";
    if (name < length)
        return parse_value(condition, text + name + 1, text + length);
    if (condition->kind == DZ_WAIT_FD || condition->kind == DZ_WAIT_PATH ||
        condition->kind == DZ_WAIT_ALIVE)
        return parse_value(condition, text + length, text + length);
    return NULL;
}

int dz_parse_conditions(void *field, const char *value, struct dz_fault *fault)
{
    struct dz_conditions *conditions = field;
    const char *at = value;

    if (conditions->defaults)
        conditions->count = 0;
    conditions->defaults = false;
    for (;;) {
        size_t length = strcspn(at, ",");
        if (conditions->count == DZ_CONDITIONS)
            return dz_fault(fault, NULL, value, 0, "more than 8 conditions");
        struct dz_condition *condition = &conditions->list[conditions->count];
        const char *wrong = parse_one(condition, at, length);
        if (wrong != NULL)
            return dz_fault(fault, NULL, value, 0, wrong);
        if (condition->kind == DZ_WAIT_FD &&
            dz_condition(conditions, DZ_WAIT_FD) != NULL)
            return dz_fault(fault, NULL, value, 0, "more than one fd:N");
        conditions->count++;
        if (at[length] == '\0')
            return 0;
        at += length + 1;
    }
}

const struct dz_condition *dz_condition(const struct dz_conditions *conditions,
                                        enum dz_condition_kind kind)
{
    for (int i = 0; i < conditions->count; i++)
        if (conditions->list[i].kind == kind)
            return &conditions->list[i];
    return NULL;
}

void dz_add_missing(const struct dz_conditions *conditions, struct dz_text *text)
{
    const char *separator = "";

    for (int i = 0; i < conditions->count; i++) {
        const struct dz_condition *condition = &conditions->list[i];
        if (condition->holds)
            continue;
        dz_add(text, separator);
        for (int j = 0; j < condition->length; j++)
            dz_add_char(text, condition->text[j]);
        separator = ", ";
    }
}

bool dz_path_appeared(struct dz_condition *condition, bool remember)
{
    char path[PATH_MAX];
    struct dz_stat now = {.inode = 0};

    memcpy(path, condition->path, (size_t)condition->path_length); /* it was checked */
    path[condition->path_length] = '\0';
    /* Not there, or not to be seen: it has not appeared. */
    if (dz_stat(AT_FDCWD, path, false, &now) < 0)
        now.inode = 0;
    if (remember)
        condition->before = now;
    return now.inode != 0 && (now.inode != condition->before.inode ||
                              now.device != condition->before.device ||
                              now.modified != condition->before.modified ||
                              now.modified_ns != condition->before.modified_ns);
}
