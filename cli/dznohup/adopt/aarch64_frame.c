/*
 * aarch64: the frame by which rt_sigreturn(2) restores a thread's registers.
 */
#include "machine.h"

#if defined __aarch64__

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

enum { VECTORS = 0x405 /* NT_ARM_SVE */ };

struct record {
    uint32_t magic;
    uint32_t size;
};

/* As the kernel lays it out: asm/ucontext.h and asm/sigcontext.h. */
struct frame {
    char information[128];
    uint64_t flags;
    uint64_t link;
    uint64_t stack;
    uint64_t stack_flags;
    uint64_t stack_size;
    uint64_t mask;
    char unused[120 + 8];
    uint64_t fault;
    uint64_t x[31];
    uint64_t sp;
    uint64_t pc;
    uint64_t pstate;
    uint64_t padding;
    struct record floating;
    uint32_t status; /* of the floating point unit */
    uint32_t control;
    unsigned char vectors[512];
};

_Static_assert(offsetof(struct frame, x) == 128 + 176 + 8 &&
                   offsetof(struct frame, floating) == 128 + 176 + 288,
               "struct rt_sigframe");

/* Reads the registers of the floating point unit. */
static bool read_floating(pid_t tid, struct frame *frame)
{
    struct {
        unsigned char vectors[512];
        uint32_t status;
        uint32_t control;
        uint32_t reserved[2];
    } state;
    struct iovec all = {&state, sizeof state};

    if (trace(PTRACE_GETREGSET, tid, (void *)NT_PRFPREG, &all) < 0)
        return false;
    frame->floating.magic = 0x46508001; /* FPSIMD_MAGIC */
    frame->floating.size = sizeof frame->floating + 8 + sizeof frame->vectors;
    frame->status = state.status;
    frame->control = state.control;
    memcpy(frame->vectors, state.vectors, sizeof frame->vectors);
    return true;
}

/* Adds the scalable vectors, which a thread in a call has none of.  Returns the size of
 * the record, or -1 if there is no room for it. */
static long add_vectors(pid_t tid, unsigned char *at, size_t room)
{
    enum { HEADER = 16, LENGTH_AT = 8, FLAGS_AT = 12, IN_USE = 1, UNITS = 16 };
    static unsigned char state[FRAME_MAX];
    struct iovec all = {state, sizeof state};
    struct record record = {0x53564501, 0}; /* SVE_MAGIC */
    uint16_t length;
    size_t size;

    if (trace(PTRACE_GETREGSET, tid, (void *)VECTORS, &all) < 0 || all.iov_len < HEADER)
        return 0; /* the machine has none */
    if ((state[FLAGS_AT] & IN_USE) == 0)
        return 0;
    memcpy(&length, state + LENGTH_AT, sizeof length);
    /* 32 registers of that length, 17 of an eighth of it. */
    size = HEADER + 32U * length + (17U * length / 8 + UNITS - 1) / UNITS * UNITS;
    if (size > room || size > all.iov_len)
        return -1;
    memcpy(at, state, size);
    record.size = (uint32_t)size;
    memset(at, 0, HEADER);
    memcpy(at, &record, sizeof record);
    memcpy(at + sizeof record, &length, sizeof length);
    return (long)size;
}

size_t make_frame(pid_t tid, const struct registers *registers, uint64_t mask,
                  uint64_t *address, unsigned char *frame)
{
    enum { NO_STACK = 0x7f, RESERVED = 4096, END = sizeof(struct record) };
    struct frame made = {
        .stack_flags = NO_STACK, /* invalid: the kernel leaves the stack as it is */
        .mask = mask,
        .sp = registers->raw.sp,
        .pc = registers->raw.pc,
        .pstate = registers->raw.pstate,
    };
    const size_t records = RESERVED + offsetof(struct frame, floating);
    size_t size = sizeof made;
    long vectors;

    memcpy(made.x, registers->raw.x, sizeof made.x);
    if (!read_floating(tid, &made))
        return 0;
    vectors = add_vectors(tid, frame + size, records - size - END);
    if (vectors < 0) {
        errno = EOPNOTSUPP;
        return 0;
    }
    size += (size_t)vectors;
    memcpy(frame, &made, sizeof made);
    memset(frame + size, 0, END); /* the last record */
    size = (size + END + 15) & ~(size_t)15;
    *address = (*address - size) & ~UINT64_C(15);
    return size;
}

#endif
