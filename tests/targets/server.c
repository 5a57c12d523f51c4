/*
 * A TCP server on 127.0.0.1:PORT: prints "ready", answers each connection with
 * "hello PID\n".  Built for glibc and musl, dynamic and static.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int on = 1;

    if (argc != 2)
        return 2;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    address.sin_port = htons((unsigned short)atoi(argv[1]));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(fd, 5) < 0) {
        perror("server");
        return 1;
    }
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        char answer[64];
        int client = accept(fd, NULL, NULL);
        if (client < 0)
            continue; /* EINTR: qemu-user handles signals that are ignored */
        snprintf(answer, sizeof answer, "hello %ld\n", (long)getpid());
        if (write(client, answer, strlen(answer)) < 0)
            return 1;
        close(client);
    }
}
