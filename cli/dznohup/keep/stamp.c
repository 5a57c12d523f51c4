/*
 * The time at which a line was written, as text.
 */
#include "pump.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Writes RFC 3339 with microseconds and the offset from UTC.  All but the microseconds
 * is made once a second. */
static size_t write_default(const struct timespec *now, char *text, size_t size)
{
    static struct {
        time_t second;
        char date[40]; /* empty: none was made */
        char zone[8];  /* +hhmm */
    } made;
    struct tm local;
    int length;

    if (made.second != now->tv_sec || made.date[0] == '\0') {
        made.second = now->tv_sec;
        if (localtime_r(&now->tv_sec, &local) == NULL ||
            strftime(made.date, sizeof made.date, "%Y-%m-%dT%H:%M:%S", &local) == 0 ||
            strftime(made.zone, sizeof made.zone, "%z", &local) != 5) {
            made.date[0] = '\0';
            return 0;
        }
    }
    length = snprintf(text, size, "%s.%06ld%.3s:%s ", made.date, now->tv_nsec / 1000,
                      made.zone, made.zone + 3);
    return length > 0 && (size_t)length < size ? (size_t)length : 0;
}

size_t stamp_write(const char *format, char *text, size_t size)
{
    struct timespec now;
    struct tm local;
    size_t length;

    clock_gettime(CLOCK_REALTIME, &now); /* cannot fail with a valid clock */
    if (strcmp(format, DZ_STAMP_DEFAULT) == 0)
        return write_default(&now, text, size);
    if (localtime_r(&now.tv_sec, &local) == NULL)
        return 0;
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
