/*
 * A clock that only goes forward, and seconds as users write them.
 */
#include "base.h"

#include <time.h>

int64_t dz_milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail: the clock is valid */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t dz_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now); /* cannot fail: the clock is valid */
    return now.tv_sec;
}

int64_t dz_processor_time(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now); /* cannot fail with a valid clock */
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int dz_read_seconds(const char **at, int64_t *milliseconds)
{
    const int64_t most = INT_MAX / 1000; /* 24 days: poll(2) takes an int */
    int64_t unit = 1000;

    if (dz_read_long(at, milliseconds) < 0 || *milliseconds >= most)
        return -1;
    *milliseconds *= 1000;
    if (**at != '.')
        return 0;
    for (++*at; **at >= '0' && **at <= '9'; ++*at) {
        unit /= 10;
        *milliseconds += (**at - '0') * unit;
        /* A fraction of a millisecond must not become 0. */
        if (unit == 0 && **at != '0' && *milliseconds == 0)
            *milliseconds = 1;
    }
    return 0;
}
