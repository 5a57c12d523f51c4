/*
 * The variable by which the library is told its powers inside a target for which
 * all else is done: by the launcher that preloads it, and, with --inherit, by the
 * target to what that starts.
 *
 * DZ_INSIDE=FD:POWERS:LENGTH:LOGS, where FD is the pipe to report on or "-", POWERS
 * a digit a field, and LENGTH that of stdout's log, behind which stderr's follows;
 * no byte of a path can then be taken for a separator.  Both ends are one build.
 */
#include "start.h"

#include <string.h>

bool dz_wants_powers(const struct dz_plan *plan)
{
    return plan->buffer != DZ_BUFFER_AS_IS || plan->pin == DZ_PIN_DEFAULT ||
           plan->pin == DZ_PIN_ALL || plan->no_daemon || plan->reopen;
}

void dz_inside_write(const struct dz_plan *plan, int fd, char variable[DZ_INSIDE_MAX])
{
    struct dz_text text = dz_text(variable, DZ_INSIDE_MAX);
    const char *out = plan->reopen ? dz_stream_log(plan, 1) : NULL;
    const char *err = plan->reopen ? dz_stream_log(plan, 2) : NULL;

    dz_add(&text, DZ_INSIDE "=");
    if (fd >= 0)
        dz_add_number(&text, fd);
    else
        dz_add(&text, "-");
    dz_add(&text, ":");
    dz_add_number(&text, plan->buffer);
    dz_add_number(&text, plan->pin);
    dz_add_number(&text, plan->no_daemon);
    dz_add_number(&text, plan->reopen);
    dz_add_number(&text, plan->inherit);
    dz_add(&text, ":");
    dz_add_number(&text, out != NULL ? (int64_t)strlen(out) : 0);
    dz_add(&text, ":");
    dz_add(&text, out != NULL ? out : "");
    dz_add(&text, err != NULL ? err : "");
}

/* The next digit of *at, which is at most most; -1 for anything else. */
static int read_digit(const char **at, int most)
{
    int digit = **at - '0';

    if (digit < 0 || digit > most)
        return -1;
    (*at)++;
    return digit;
}

static int read_powers(struct dz_plan *plan, const char **at)
{
    int buffer = read_digit(at, DZ_BUFFER_FULL);
    int pin = buffer < 0 ? -1 : read_digit(at, DZ_PIN_SECCOMP);
    int no_daemon = pin < 0 ? -1 : read_digit(at, 1);
    int reopen = no_daemon < 0 ? -1 : read_digit(at, 1);
    int inherit = reopen < 0 ? -1 : read_digit(at, 1);

    if (inherit < 0)
        return -1;
    plan->buffer = (enum dz_buffer)buffer;
    plan->pin = (enum dz_pin)pin;
    plan->no_daemon = no_daemon == 1;
    plan->reopen = reopen == 1;
    plan->inherit = inherit == 1;
    return 0;
}

/* The logs, as dz_stream_log tells them. */
static int read_logs(struct dz_plan *plan, const char *at, int length)
{
    size_t rest = strlen(at);

    if ((size_t)length > rest || length >= PATH_MAX ||
        rest - (size_t)length >= PATH_MAX)
        return -1;
    plan->to[1] = length > 0 ? 1 : -1;
    plan->to[2] = rest > (size_t)length ? 2 : -1;
    memcpy(plan->log.path, at, (size_t)length);
    plan->log.path[length] = '\0';
    memcpy(plan->error_log.path, at + length, rest - (size_t)length + 1);
    return 0;
}

int dz_inside_read(struct dz_plan *plan, const char *value, int *fd)
{
    int length;

    *fd = -1;
    if (*value == '-')
        value++;
    else if ((*fd = dz_read_number(&value)) < 0)
        return -1;
    if (*value++ != ':' || read_powers(plan, &value) < 0 || *value++ != ':')
        return -1;
    length = dz_read_number(&value);
    if (length < 0 || *value++ != ':')
        return -1;
    return read_logs(plan, value, length);
}
