/*
 * Syslog and the journal: what a message begins with, and the socket.
 *
 * Syslog is RFC 3164 as syslog(3) sends it over /dev/log.  The journal's protocol is on
 * systemd's page "Native Journal Protocol": fields "NAME=VALUE", and the message with
 * its length, so that it may hold any byte.
 */
#include "pump.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static size_t length_within(int length, size_t size)
{
    return length > 0 && (size_t)length < size ? (size_t)length : 0;
}

size_t syslog_prefix(int priority, const char *tag, pid_t pid, char *text, size_t size)
{
    char time[32] = "";

    stamp_write_syslog(time, sizeof time);
    return length_within(
        snprintf(text, size, "<%d>%s%s[%ld]: ", priority, time, tag, (long)pid), size);
}

size_t journal_prefix(int priority, const char *tag, const char *name, pid_t pid,
                      char *text, size_t size)
{
    return length_within(
        snprintf(text, size,
                 "PRIORITY=%d\nSYSLOG_FACILITY=%d\n"
                 "SYSLOG_IDENTIFIER=%s\nSYSLOG_PID=%ld\n%s%s%sMESSAGE\n",
                 priority & 7, priority >> 3, tag, (long)pid,
                 name != NULL ? "DZ_NAME=" : "", name != NULL ? name : "",
                 name != NULL ? "\n" : ""),
        size);
}

/* Returns a socket of that type that is connected to path, or -1 and sets errno. */
static int connect_to(const char *path, int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int err;

    if (fd < 0)
        return -1;
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path); /* it fits */
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    err = errno;
    close(fd);
    errno = err;
    return -1;
}

const char *output_address(const struct output *output)
{
    return output->kind == DZ_OUTPUT_SYSLOG ? "/dev/log"
                                            : "/run/systemd/journal/socket";
}

int output_connect(struct output *output)
{
    const char *path = output_address(output);

    output->stream = false;
    output->fd = connect_to(path, SOCK_DGRAM);
    if (output->fd < 0 && errno == EPROTOTYPE && output->kind == DZ_OUTPUT_SYSLOG) {
        output->stream = true;
        output->fd = connect_to(path, SOCK_STREAM);
    }
    return output->fd < 0 ? -1 : 0;
}
