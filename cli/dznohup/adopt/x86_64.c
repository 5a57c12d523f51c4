/*
 * x86-64: programs of 64 bits, and those of 32 bits on the same kernel.
 *
 * The code is of 64 bits in both.  In a program of 32 bits it runs in the 64-bit code
 * segment and makes calls by int $0x80, so that the kernel takes them for the
 * program's own kind.  Its return, rt_sigreturn(2), restores the segment.
 */
#include "machine.h"

#if defined __x86_64__

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>

enum {
    CODE_64 = 0x33, /* the segments of a 64-bit program */
    DATA_64 = 0x2b,
    INSTRUCTION = 2,     /* the length of syscall and of int $0x80 */
    SINGLE_STEP = 0x100, /* the trap flag */
    DIRECTION = 0x400,   /* the direction flag */
    RT_SIGRETURN = 15,   /* of 64 bits */
    XSTATE = 0x202,      /* NT_X86_XSTATE */
    RESTART_SYS = -512,  /* ERESTARTSYS, and ERESTARTNOINTR, ERESTARTNOHAND */
    RESTART_NOHAND = -514,
    RESTART_BLOCK = -516
};

/*
 * r12 points to a row.  Each is 80 bytes: number, six arguments, result, the address of
 * argument 0, the next row after an error.  A negative number ends the code, and r14
 * points to the frame.  The stack is below the rows.
 */
__asm__(".pushsection .rodata\n"
        "code_begins:\n"
        "1: mov (%r12), %rax\n"
        "   test %rax, %rax\n"
        "   js 4f\n"
        "   mov 8(%r12), %rdi\n"
        "   mov 16(%r12), %rsi\n"
        "   mov 24(%r12), %rdx\n"
        "   mov 32(%r12), %r10\n"
        "   mov 40(%r12), %r8\n"
        "   mov 48(%r12), %r9\n"
        "   mov 64(%r12), %rcx\n"
        "   test %rcx, %rcx\n"
        "   jz 2f\n"
        "   mov (%rcx), %edi\n"
        "2: syscall\n"
        "   mov %rax, 56(%r12)\n"
        "   cmp $-4095, %rax\n"
        "   jae 3f\n"
        "   add $80, %r12\n"
        "   jmp 1b\n"
        "3: mov 72(%r12), %r12\n"
        "   jmp 1b\n"
        "4: mov %r14, %rsp\n"
        "   mov $15, %eax\n"
        "   syscall\n"
        "code_ends:\n"
        "narrow_begins:\n"
        "1: mov (%r12), %rax\n"
        "   test %rax, %rax\n"
        "   js 4f\n"
        "   mov 8(%r12), %rbx\n"
        "   mov 16(%r12), %rcx\n"
        "   mov 24(%r12), %rdx\n"
        "   mov 32(%r12), %rsi\n"
        "   mov 40(%r12), %rdi\n"
        "   mov 48(%r12), %rbp\n"
        "   mov 64(%r12), %r13\n"
        "   test %r13, %r13\n"
        "   jz 2f\n"
        "   mov (%r13), %ebx\n"
        "2: int $0x80\n"
        "   movslq %eax, %rax\n"
        "   mov %rax, 56(%r12)\n"
        "   cmp $-4095, %rax\n"
        "   jae 3f\n"
        "   add $80, %r12\n"
        "   jmp 1b\n"
        "3: mov 72(%r12), %r12\n"
        "   jmp 1b\n"
        "4: mov %r14, %rsp\n"
        "   mov $15, %eax\n"
        "   syscall\n"
        "narrow_ends:\n"
        ".popsection\n");

extern const unsigned char code_begins[];
extern const unsigned char code_ends[];
extern const unsigned char narrow_begins[];
extern const unsigned char narrow_ends[];

/* In 64 bits, in 32 bits. */
static const short numbers[REMOTE_CALLS][2] = {
    [CALL_OPENAT] = {SYS_openat, 295},
    [CALL_FCNTL] = {SYS_fcntl, 221}, /* fcntl64 */
    [CALL_DUP3] = {SYS_dup3, 330},
    [CALL_CLOSE] = {SYS_close, 6},
    [CALL_SIGACTION] = {SYS_rt_sigaction, 174},
    [CALL_SETPGID] = {SYS_setpgid, 57},
    [CALL_SETSID] = {SYS_setsid, 66},
    [CALL_IOCTL] = {SYS_ioctl, 54},
    [CALL_UMASK] = {SYS_umask, 60},
    [CALL_FCHDIR] = {SYS_fchdir, 133},
    [CALL_LSEEK] = {SYS_lseek, 19},
    [CALL_EPOLL_CTL] = {SYS_epoll_ctl, 255},
    [CALL_KILL] = {SYS_kill, 37},
    [CALL_SIGPROCMASK] = {SYS_rt_sigprocmask, 175},
};

const unsigned char *machine_code(bool wide, size_t *size)
{
    const unsigned char *from = wide ? code_begins : narrow_begins;

    *size = (size_t)((wide ? code_ends : narrow_ends) - from);
    return from;
}

size_t code_room(void)
{
    size_t wide = (size_t)(code_ends - code_begins);
    size_t narrow = (size_t)(narrow_ends - narrow_begins);

    return ((wide > narrow ? wide : narrow) + 7) & ~(size_t)7;
}

bool is_code(const struct registers *registers, uint64_t code)
{
    return registers->raw.rip >= code && registers->raw.rip < code + code_room();
}

long call_number(enum remote_call call, bool wide)
{
    return numbers[call][wide ? 0 : 1];
}

size_t red_zone(void)
{
    return 128;
}

int read_registers(pid_t tid, struct registers *registers)
{
    return trace(PTRACE_GETREGS, tid, NULL, &registers->raw) < 0 ? -1 : 0;
}

int write_registers(pid_t tid, const struct registers *registers)
{
    struct user_regs_struct raw = registers->raw;

    return trace(PTRACE_SETREGS, tid, NULL, &raw) < 0 ? -1 : 0;
}

bool is_wide(const struct registers *registers)
{
    return registers->raw.cs == CODE_64;
}

long interrupted_call(const struct registers *registers)
{
    long number = (long)registers->raw.orig_rax;

    return is_wide(registers) ? number : (int)number;
}

long call_result(const struct registers *registers)
{
    long result = (long)registers->raw.rax;

    return is_wide(registers) ? result : (int)result;
}

/* The registers of the arguments, in 64 bits and in 32. */
#define AT(name) offsetof(struct user_regs_struct, name)
static const size_t arguments[2][6] = {
    {AT(rdi), AT(rsi), AT(rdx), AT(r10), AT(r8), AT(r9)},
    {AT(rbx), AT(rcx), AT(rdx), AT(rsi), AT(rdi), AT(rbp)},
};

uint64_t call_argument(const struct registers *registers, int number)
{
    const char *raw = (const char *)&registers->raw;
    uint64_t value;

    memcpy(&value, raw + arguments[is_wide(registers) ? 0 : 1][number], sizeof value);
    return value;
}

void set_call_argument(struct registers *registers, int number, uint64_t value)
{
    char *raw = (char *)&registers->raw;

    memcpy(raw + arguments[is_wide(registers) ? 0 : 1][number], &value, sizeof value);
}

const struct timed_call timed_calls[] = {
    {SYS_epoll_wait, true, 3, TIME_MILLISECONDS, 0},
    {SYS_epoll_pwait, true, 3, TIME_MILLISECONDS, 0},
    {441, true, 3, TIME_WIDE, 0}, /* epoll_pwait2 */
    {SYS_semtimedop, true, 3, TIME_WIDE, 0},
    {SYS_rt_sigtimedwait, true, 2, TIME_WIDE, 0},
    {SYS_io_getevents, true, 4, TIME_WIDE, 0},
    {333, true, 4, TIME_WIDE, 0}, /* io_pgetevents */
    {256, false, 3, TIME_MILLISECONDS, 0},
    {319, false, 3, TIME_MILLISECONDS, 0},
    {441, false, 3, TIME_WIDE, 0},
    {117, false, 5, TIME_NARROW, 4}, /* ipc(2): semtimedop */
    {420, false, 3, TIME_WIDE, 0},
    {177, false, 2, TIME_NARROW, 0}, /* rt_sigtimedwait */
    {421, false, 2, TIME_WIDE, 0},
    {247, false, 4, TIME_NARROW, 0}, /* io_getevents */
    {385, false, 4, TIME_NARROW, 0}, /* io_pgetevents */
    {416, false, 4, TIME_WIDE, 0},
    {0, false, 0, TIME_NONE, 0},
};

bool has_closed(const struct registers *registers)
{
    return interrupted_call(registers) == call_number(CALL_CLOSE, is_wide(registers));
}

void make_again(struct registers *registers)
{
    registers->raw.rip -= INSTRUCTION;
    registers->raw.rax = registers->raw.orig_rax;
    registers->raw.orig_rax = (unsigned long)-1L;
}

uint64_t stack_pointer(const struct registers *registers)
{
    return registers->raw.rsp;
}

void begin_code(struct registers *registers, uint64_t code, uint64_t rows,
                uint64_t frame)
{
    registers->raw.rip = code;
    registers->raw.r12 = rows;
    registers->raw.r14 = frame;
    registers->raw.rsp = rows;                    /* a handler's frame is below them */
    registers->raw.orig_rax = (unsigned long)-1L; /* no call is to be restarted */
    registers->raw.cs = CODE_64;
    registers->raw.ss = DATA_64;
    registers->raw.eflags &= ~(unsigned long)(SINGLE_STEP | DIRECTION);
}

uint64_t current_row(const struct registers *registers)
{
    return registers->raw.r12;
}

/* As the kernel lays it out: asm/ucontext.h and asm/sigcontext.h. */
struct frame {
    uint64_t flags;
    uint64_t link;
    uint64_t stack;
    uint64_t stack_flags;
    uint64_t stack_size;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags;
    uint16_t cs, gs, fs, ss;
    uint64_t error, trap, old_mask, cr2;
    uint64_t floating; /* the address of the floating point state, 64-byte aligned */
    uint64_t reserved[8];
    uint64_t mask;
};

/* The end of the first 512 bytes of that state: asm/sigcontext.h, struct _fpx_sw_bytes.
 */
struct floating_words {
    uint32_t magic;
    uint32_t whole_size;
    uint64_t features;
    uint32_t size;
    uint32_t reserved[7];
};

enum { WORDS_AT = 464, FRAME_ROOM = 384 };
_Static_assert(sizeof(struct frame) <= FRAME_ROOM && FRAME_ROOM % 64 == 0,
               "the floating point state follows the frame");

/* Writes the floating point state.  Returns its size; 0 for none. */
static size_t add_floating(pid_t tid, unsigned char *at, size_t room)
{
    static const uint32_t magic = 0x46505853; /* FP_XSTATE_MAGIC1 */
    static const uint32_t magic_end = 0x46505845;
    struct iovec all = {at, room - 8}; /* whole words, ptrace(2) */
    struct floating_words words = {.magic = magic};

    if (trace(PTRACE_GETREGSET, tid, (void *)XSTATE, &all) < 0)
        return 0;
    memcpy(&words.features, at + WORDS_AT, sizeof words.features);
    words.size = (uint32_t)all.iov_len;
    words.whole_size = words.size + (uint32_t)sizeof magic_end;
    memcpy(at + WORDS_AT, &words, sizeof words);
    memcpy(at + all.iov_len, &magic_end, sizeof magic_end);
    return words.whole_size;
}

/* Sets what a call that is to be restarted is restarted by. */
static void restart(struct registers *registers)
{
    long result = call_result(registers);

    if (interrupted_call(registers) >= 0 &&
        ((result <= RESTART_SYS && result >= RESTART_NOHAND) ||
         result == RESTART_BLOCK))
        make_again(registers);
}

size_t make_frame(pid_t tid, const struct registers *registers, uint64_t mask,
                  uint64_t *address, unsigned char *frame)
{
    enum { XSTATE_AND_SEGMENTS = 7, NO_STACK = 0x7f };
    struct registers copy = *registers;
    struct user_regs_struct *raw = &copy.raw;
    size_t floating = add_floating(tid, frame + FRAME_ROOM, FRAME_MAX - FRAME_ROOM);

    if (floating == 0)
        return 0;
    *address = (*address - FRAME_ROOM - floating) & ~UINT64_C(63);
    restart(&copy);
    struct frame made = {
        .flags = XSTATE_AND_SEGMENTS,
        .stack_flags = NO_STACK, /* invalid: the kernel leaves the stack as it is */
        .r8 = raw->r8,
        .r9 = raw->r9,
        .r10 = raw->r10,
        .r11 = raw->r11,
        .r12 = raw->r12,
        .r13 = raw->r13,
        .r14 = raw->r14,
        .r15 = raw->r15,
        .rdi = raw->rdi,
        .rsi = raw->rsi,
        .rbp = raw->rbp,
        .rbx = raw->rbx,
        .rdx = raw->rdx,
        .rax = raw->rax,
        .rcx = raw->rcx,
        .rsp = raw->rsp,
        .rip = raw->rip,
        .eflags = raw->eflags,
        .cs = (uint16_t)raw->cs,
        .ss = (uint16_t)raw->ss,
        .floating = *address + FRAME_ROOM,
        .mask = mask,
    };
    memcpy(frame, &made, sizeof made);
    return FRAME_ROOM + floating;
}

#endif
