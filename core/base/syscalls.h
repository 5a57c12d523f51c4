/*
 * What the headers of Linux 4.18 and glibc 2.28 lack: numbers and constants of newer
 * system calls.  Each caller of such a system call handles ENOSYS.
 *
 * From 424 on, a number means one system call on every machine but Alpha.  MIPS adds
 * a base to it, so its kernel answers ENOSYS to a number that stands here.
 */
#ifndef SYSCALLS_H
#define SYSCALLS_H

#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

enum {
    DZ_SYS_PIDFD_SEND_SIGNAL = 424, /* Linux 5.1 */
    DZ_SYS_PIDFD_OPEN = 434,        /* Linux 5.3 */
    DZ_SYS_CLOSE_RANGE = 436,       /* Linux 5.9 */
    DZ_SYS_PIDFD_GETFD = 438,       /* Linux 5.6 */
    DZ_SYS_FACCESSAT2 = 439         /* Linux 5.8 */
};

enum { DZ_CLOSE_RANGE_CLOEXEC = 4 };

/* The first 64 bytes of linux/pidfd.h's struct pidfd_info; the exit code: Linux 6.15.
 */
struct dz_pidfd_info {
    uint64_t mask;
    uint64_t cgroup;
    uint32_t ids[11];
    int32_t exit_code;
};
_Static_assert(sizeof(struct dz_pidfd_info) == 64, "PIDFD_INFO_SIZE_VER0");

enum { DZ_PIDFD_INFO_EXIT = 1 << 3 };

static const unsigned long DZ_PIDFD_GET_INFO = _IOWR(0xff, 11, struct dz_pidfd_info);

#endif
