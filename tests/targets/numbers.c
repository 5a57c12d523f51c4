/*
 * Writes the lines 1, 2, 3, ... to stdout, in writes of all sizes that do not care for
 * lines, until the file of its first argument exists.  Then it writes the last number
 * to the file of its second argument, and ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char text[65536];
static size_t length;

/* Writes all but some bytes of the text. */
static void put(size_t rest)
{
    size_t done = 0;

    while (done + rest < length) {
        ssize_t n = write(1, text + done, length - rest - done);
        if (n < 0)
            exit(1);
        done += (size_t)n;
    }
    memmove(text, text + done, length - done);
    length -= done;
}

int main(int argc, char **argv)
{
    const struct timespec pause = {.tv_nsec = 200000};
    long number = 0;
    FILE *last;

    if (argc < 3)
        return 2;
    while (access(argv[1], F_OK) != 0) {
        size_t size = (size_t)(rand() % 5000 + 1);
        while (length < size)
            length += (size_t)sprintf(text + length, "%ld\n", ++number);
        put((size_t)rand() % 4);
        nanosleep(&pause, NULL);
    }
    put(0);
    last = fopen(argv[2], "w");
    if (last == NULL || fprintf(last, "%ld\n", number) < 0 || fclose(last) != 0)
        return 1;
    return 0;
}
