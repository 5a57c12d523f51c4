/* Listens on a free port of loopback after argv[1] milliseconds, and writes to
 * argv[2] when that was, in nanoseconds of CLOCK_MONOTONIC. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct timespec now;
    FILE *file;
    int fd;

    if (argc != 3)
        return 2;
    usleep((useconds_t)atoi(argv[1]) * 1000);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 5) < 0)
        return 1;
    clock_gettime(CLOCK_MONOTONIC, &now);
    file = fopen(argv[2], "w");
    fprintf(file, "%lld%09ld\n", (long long)now.tv_sec, now.tv_nsec);
    fclose(file);
    pause();
    return 0;
}
