/*
 * DZ_INSIDE, the variable that tells the library its powers in a program for which all
 * else is done.  The launcher sets it when it preloads the library, and the library
 * when the target executes or starts another program.
 *
 * DZ_INSIDE=KIND FD:OPTIONS:HELD:IGNORED:DEVICE:INODE:DEVICE:INODE:LENGTH...:PATHS,
 * with no space.  KIND is a letter.  FD is a number or "-".  OPTIONS is "NAME" or
 * "NAME=VALUE" for each option that is handed over, separated by commas.  The pairs of
 * numbers are of stdout's log and of stderr's.  A LENGTH for each path comes before all
 * of them, so no byte of a path is taken for a separator.  Both ends are of one build.
 */
#include "plan.h"

#include <string.h>

static const char kinds[] = {[DZ_INSIDE_AWAITED] = 'W',
                             [DZ_INSIDE_ALONE] = 'A',
                             [DZ_INSIDE_NEXT] = 'N',
                             [DZ_INSIDE_CHILD] = 'C'};

void dz_powers_text(const struct dz_plan *plan, bool started, char text[DZ_POWERS_MAX])
{
    char scratch[DZ_SHOWN_MAX]; /* a few bytes of it are used */
    int use = started && !plan->inherit ? DZ_SPREADS : DZ_HANDED;
    struct dz_text out = dz_text(text, DZ_POWERS_MAX); /* all of them fit */

    for (const struct dz_option *option = dz_options; option->help != NULL; option++) {
        const char *value = dz_plan_show(plan, option, use, scratch);
        if (value == NULL)
            continue;
        dz_add(&out, out.length > 0 ? "," : "");
        dz_add(&out, option->name);
        dz_add(&out, *value != '\0' ? "=" : "");
        dz_add(&out, value);
    }
}

void dz_inside_path(struct dz_inside *inside, enum dz_inside_path which,
                    const char *path)
{
    inside->paths[which].path = path != NULL ? path : "";
    inside->paths[which].length = path != NULL ? strlen(path) : 0;
}

size_t dz_inside_size(const char *powers, const struct dz_inside *inside)
{
    enum { NUMBERS = 7 + DZ_INSIDE_PATHS, DIGITS = 20 }; /* each with a separator */
    size_t size =
        sizeof DZ_INSIDE + 5 + strlen(powers) + (size_t)NUMBERS * (DIGITS + 1);

    for (int i = 0; i < DZ_INSIDE_PATHS; i++)
        size += inside->paths[i].length;
    return size;
}

void dz_inside_write(const char *powers, const struct dz_inside *inside,
                     struct dz_text *text)
{
    dz_add(text, DZ_INSIDE "=");
    dz_add_char(text, kinds[inside->kind]);
    if (inside->fd >= 0)
        dz_add_number(text, inside->fd);
    else
        dz_add(text, "-");
    dz_add(text, ":");
    dz_add(text, powers);
    dz_add(text, ":");
    dz_add_number(text, (int64_t)inside->held);
    dz_add(text, ":");
    dz_add_number(text, (int64_t)inside->ignored);
    for (int i = 0; i < 2; i++) {
        dz_add(text, ":");
        dz_add_number(text, (int64_t)inside->logs[i].device);
        dz_add(text, ":");
        dz_add_number(text, (int64_t)inside->logs[i].inode);
    }
    for (int i = 0; i < DZ_INSIDE_PATHS; i++) {
        dz_add(text, ":");
        dz_add_number(text, (int64_t)inside->paths[i].length);
    }
    dz_add(text, ":");
    for (int i = 0; i < DZ_INSIDE_PATHS; i++)
        if (inside->paths[i].length > 0)
            dz_add_bytes(text, inside->paths[i].path, inside->paths[i].length);
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

/* Reads the kind and the descriptor. */
static int read_kind(struct dz_inside *inside, const char **at)
{
    const char *kind = **at != '\0' ? memchr(kinds, **at, sizeof kinds) : NULL;

    if (kind == NULL)
        return -1;
    inside->kind = (enum dz_inside_kind)(kind - kinds);
    inside->fd = -1;
    if (*++*at == '-')
        ++*at;
    else if ((inside->fd = dz_read_number(at)) < 0)
        return -1;
    return *(*at)++ == ':' ? 0 : -1;
}

/* Reads ":NUMBER".  A number of 64 bits may have been written as a negative one. */
static int read_part(uint64_t *number, const char **at)
{
    int64_t value;
    bool negative;

    if (**at != ':')
        return -1;
    negative = *++*at == '-';
    *at += negative;
    if (dz_read_long(at, &value) < 0)
        return -1;
    *number = negative ? 0 - (uint64_t)value : (uint64_t)value;
    return 0;
}

/* Reads the paths, which end the value. */
static int read_paths(struct dz_inside *inside, const char *at)
{
    uint64_t length[DZ_INSIDE_PATHS];

    for (int i = 0; i < DZ_INSIDE_PATHS; i++)
        if (read_part(&length[i], &at) < 0)
            return -1;
    if (*at++ != ':')
        return -1;
    for (int i = 0; i < DZ_INSIDE_PATHS; i++) {
        if (length[i] >= PATH_MAX || strnlen(at, (size_t)length[i]) < length[i])
            return -1;
        inside->paths[i].path = at;
        inside->paths[i].length = (size_t)length[i];
        at += length[i];
    }
    return *at == '\0' ? 0 : -1;
}

int dz_inside_read(struct dz_plan *plan, const char *value, struct dz_inside *inside)
{
    if (read_kind(inside, &value) < 0 || read_options(plan, &value) < 0 ||
        read_part(&inside->held, &value) < 0 || read_part(&inside->ignored, &value) < 0)
        return -1;
    for (int i = 0; i < 2; i++)
        if (read_part(&inside->logs[i].device, &value) < 0 ||
            read_part(&inside->logs[i].inode, &value) < 0)
            return -1;
    return read_paths(inside, value);
}
