/*
 * The time at which a line was written, as text.
 */
#include "pump.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Writes RFC 3339 with microseconds and the offset from UTC. */
static size_t write_default(const struct tm *local, long nanoseconds, char *text,
                            size_t size)
{
    char date[40];
    char zone[8];
    int length;

    if (strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", local) == 0 ||
        strftime(zone, sizeof zone, "%z", local) != 5) /* +hhmm */
        return 0;
    length = snprintf(text, size, "%s.%06ld%.3s:%s ", date, nanoseconds / 1000, zone,
                      zone + 3);
    return length > 0 && (size_t)length < size ? (size_t)length : 0;
}

size_t stamp_write(const char *format, char *text, size_t size)
{
    struct timespec now;
    struct tm local;
    size_t length;

    clock_gettime(CLOCK_REALTIME, &now); /* cannot fail with a valid clock */
    if (localtime_r(&now.tv_sec, &local) == NULL)
        return 0;
    if (strcmp(format, DZ_STAMP_DEFAULT) == 0)
        return write_default(&local, now.tv_nsec, text, size);
    length = strftime(text, size - 1, format, &local);
    if (length > 0)
        text[length++] = ' ';
    return length;
}

size_t stamp_write_syslog(char *text, size_t size)
{
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = time(NULL);
    struct tm local;
    int length;

    if (localtime_r(&now, &local) == NULL)
        return 0;
    length = snprintf(text, size, "%s %2d %02d:%02d:%02d ", months[local.tm_mon],
                      local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec);
    return length > 0 && (size_t)length < size ? (size_t)length : 0;
}
