/*
 * DZ_INSIDE, the variable that tells the library its powers in a target for which all
 * else is done.  The launcher sets it when it preloads the library.  With --inherit the
 * target sets it for the programs that it starts.
 *
 * DZ_INSIDE=FD:OPTIONS:LENGTH:LOGS.  FD is the pipe to report on or "-".  OPTIONS is
 * "NAME" or "NAME=VALUE" for each option that is handed over, separated by commas.
 * LOGS is the path of stdout's log, LENGTH bytes long, then that of stderr's.  So no
 * byte of a path is taken for a separator.  Both ends are of one build.
 */
#include "plan.h"

#include <string.h>

static void add_options(const struct dz_plan *plan, struct dz_text *text)
{
    char scratch[DZ_SHOWN_MAX]; /* a few bytes of it are used */
    const char *separator = "";

    for (const struct dz_option *option = dz_options; option->help != NULL; option++) {
        const char *value = dz_plan_show(plan, option, DZ_HANDED, scratch);
        if (value == NULL)
            continue;
        dz_add(text, separator);
        dz_add(text, option->name);
        dz_add(text, *value != '\0' ? "=" : "");
        dz_add(text, value);
        separator = ",";
    }
}

void dz_inside_write(const struct dz_plan *plan, const char *out, const char *err,
                     int fd, char variable[DZ_INSIDE_MAX])
{
    struct dz_text text = dz_text(variable, DZ_INSIDE_MAX);

    dz_add(&text, DZ_INSIDE "=");
    if (fd >= 0)
        dz_add_number(&text, fd);
    else
        dz_add(&text, "-");
    dz_add(&text, ":");
    add_options(plan, &text);
    dz_add(&text, ":");
    dz_add_number(&text, out != NULL ? (int64_t)strlen(out) : 0);
    dz_add(&text, ":");
    dz_add(&text, out != NULL ? out : "");
    dz_add(&text, err != NULL ? err : "");
}

/* Sets the option that the length bytes at text write.  Returns 0, or -1. */
static int read_option(struct dz_plan *plan, const char *text, size_t length)
{
    char value[32];
    struct dz_fault unheard;
    size_t name = strcspn(text, "=,:");

    name = name < length ? name : length;
    if (length - name > sizeof value)
        return -1;
    for (const struct dz_option *option = dz_options; option->help != NULL; option++) {
        if ((option->uses & DZ_HANDED) == 0 || strlen(option->name) != name ||
            memcmp(option->name, text, name) != 0)
            continue;
        if (name == length)
            return option->arg == NULL || option->arg[0] == '['
                       ? dz_plan_set(plan, option, NULL, DZ_INSIDE, &unheard)
                       : -1;
        memcpy(value, text + name + 1, length - name - 1);
        value[length - name - 1] = '\0';
        return dz_plan_set(plan, option, value, DZ_INSIDE, &unheard);
    }
    return -1;
}

/* Reads the options at *at, up to the colon. */
static int read_options(struct dz_plan *plan, const char **at)
{
    while (**at != ':' && **at != '\0') {
        size_t length = strcspn(*at, ",:");
        if (read_option(plan, *at, length) < 0)
            return -1;
        *at += length + ((*at)[length] == ',');
    }
    return **at == ':' ? 0 : -1;
}

int dz_inside_read(struct dz_plan *plan, const char *value, char out[PATH_MAX],
                   char err[PATH_MAX], int *fd)
{
    int length;

    *fd = -1;
    if (*value == '-')
        value++;
    else if ((*fd = dz_read_number(&value)) < 0)
        return -1;
    if (*value++ != ':' || read_options(plan, &value) < 0)
        return -1;
    value++;
    length = dz_read_number(&value);
    if (length < 0 || *value++ != ':')
        return -1;
    size_t rest = strlen(value);
    if ((size_t)length > rest || length >= PATH_MAX ||
        rest - (size_t)length >= PATH_MAX)
        return -1;
    memcpy(out, value, (size_t)length);
    out[length] = '\0';
    memcpy(err, value + length, rest - (size_t)length + 1);
    return 0;
}
