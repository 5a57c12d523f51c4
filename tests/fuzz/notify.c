/* Datagrams as sd_notify(3) sends them, with descriptors along: no descriptor is
 * left open, and what is believed was said. */
#include <fcntl.h>
#include <sys/socket.h>

#include "fuzz.h"

static int ends[2];
static struct dz_members family;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct dz_process self;
    int on = 1;

    (void)argc;
    (void)argv;
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends) == 0);
    CHECK(setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0);
    /* We are below the process that has started us. */
    CHECK(dz_read_process(getpid(), &self) == 0);
    family = (struct dz_members){.root = self.ppid};
    return 0;
}

/* Send data, and count copies of a descriptor. */
static bool send_data(const struct input *input, size_t count)
{
    struct iovec iov = {.iov_base = (void *)input->at, .iov_len = input->left};
    union {
        struct cmsghdr part;
        char room[CMSG_SPACE(16 * sizeof(int))];
    } ancillary = {.room = {0}};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

    if (count > 0) {
        message.msg_control = &ancillary;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        ancillary.part.cmsg_level = SOL_SOCKET;
        ancillary.part.cmsg_type = SCM_RIGHTS;
        ancillary.part.cmsg_len = CMSG_LEN(count * sizeof(int));
        for (size_t i = 0; i < count; i++)
            memcpy(CMSG_DATA(&ancillary.part) + i * sizeof(int), &ends[1], sizeof(int));
    }
    return sendmsg(ends[1], &message, 0) >= 0;
}

/* The next descriptor that is free: the same before and after where none was left. */
static int next_free(void)
{
    int fd = dup(ends[0]);

    close(fd);
    return fd;
}

/* Whether one of text's lines begins so, up to its end where whole. */
static bool has_line(const char *text, const char *wanted, bool whole)
{
    size_t length = strlen(wanted);

    for (; text != NULL; text = strchr(text, '\n')) {
        text += *text == '\n';
        if (strncmp(text, wanted, length) == 0 &&
            (!whole || text[length] == '\n' || text[length] == '\0'))
            return true;
    }
    return false;
}

/* What a keeper hears: each datagram of the job as it came. */
static char *heard;

static void hear(void *hearer, const char *text)
{
    CHECK(hearer == ends && heard == NULL);
    heard = strdup(text);
    CHECK(heard != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    struct dz_notify notify = {.fd = ends[0], .hear = hear, .hearer = ends};
    size_t count = take_byte(&input) % 17;
    int before = next_free();

    if (!send_data(&input, count))
        return 0; /* the kernel takes none that is too long */
    dz_notify_read(&notify, &family);
    CHECK(next_free() == before);
    char *text = take_word(&input);
    bool whole = size <= 4097; /* a datagram that was cut is not believed */
    CHECK((heard != NULL) == whole && (!whole || strcmp(heard, text) == 0));
    free(heard);
    heard = NULL;
    CHECK(notify.ready == (whole && has_line(text, "READY=1", true)));
    CHECK(memchr(notify.status, '\0', sizeof notify.status) != NULL);
    for (const char *at = notify.status; *at != '\0'; at++)
        CHECK((unsigned char)*at >= ' ' && *at != '\177');
    if (notify.status[0] != '\0')
        CHECK(whole && has_line(text, "STATUS=", false));
    CHECK(notify.extend_ms >= 0);
    if (notify.main_pid != 0)
        CHECK(notify.main_pid >= 2 && dz_members_has(&family, notify.main_pid));
    free(text);
    return 0;
}
