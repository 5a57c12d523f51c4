/* What tests/faults launches.  A system call that nobody else makes says that
 * main has begun; then, if told to, argv[2] is made and the condition argv[1] met:
 * victim [listen|fd|notify|log|path FILE]. */
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { READY_FD = 7 };

static int say_ready(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *name = getenv("NOTIFY_SOCKET");
    socklen_t length;

    if (name == NULL || name[0] != '@' || strlen(name) >= sizeof address.sun_path)
        return -1;
    length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
    return (int)sendto(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "READY=1", 7, 0,
                       (struct sockaddr *)&address, length);
}

static int meet(const char *condition)
{
    if (strcmp(condition, "listen") == 0)
        return listen(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), 5);
    if (strcmp(condition, "fd") == 0)
        return (int)write(READY_FD, "\n", 1);
    if (strcmp(condition, "notify") == 0)
        return say_ready();
    if (strcmp(condition, "log") == 0)
        return (int)write(1, "met\n", 4);
    return 0; /* path: the file itself */
}

int main(int argc, char **argv)
{
    sched_yield();
    if (argc == 3 && (close(open(argv[2], O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) < 0 ||
                      meet(argv[1]) < 0))
        return 1;
    for (;;)
        pause();
}
