/*
 * What differs between machines: the registers of a stopped thread, the numbers of
 * system calls in it, and the code that makes them.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The calls that are made in the target. */
enum remote_call {
    CALL_OPENAT,
    CALL_FCNTL,
    CALL_DUP3,
    CALL_CLOSE,
    CALL_SIGACTION,
    CALL_SETPGID,
    CALL_SETSID,
    CALL_IOCTL,
    CALL_UMASK,
    CALL_FCHDIR,
    CALL_LSEEK,
    CALL_EPOLL_CTL,
    CALL_KILL,
    CALL_SIGPROCMASK,
    REMOTE_CALLS
};

#if defined __x86_64__

#include <sys/user.h>

/* MACHINE_NARROW: programs of 32 bits can be adopted, too.  MACHINE_TELLS_CALL: the
 * registers of a stopped thread tell in which call it is. */
enum { MACHINE_KNOWN = 1, MACHINE_NARROW = 1, MACHINE_TELLS_CALL = 1 };

struct registers {
    struct user_regs_struct raw;
};

#elif defined __aarch64__

enum { MACHINE_KNOWN = 1, MACHINE_NARROW = 0, MACHINE_TELLS_CALL = 0 };

struct registers {
    struct {
        uint64_t x[31];
        uint64_t sp;
        uint64_t pc;
        uint64_t pstate;
    } raw;          /* the kernel's struct user_pt_regs */
    bool at_call;   /* the next instruction makes a call, again or for the first time */
    bool skips;     /* the thread is at the begin of a call, which it is not to make */
    int64_t call;   /* the call that has returned EINTR; -1: none, or unknown */
    uint64_t first; /* its argument 0, whose register holds the result */
};

#else

enum { MACHINE_KNOWN = 0, MACHINE_NARROW = 0, MACHINE_TELLS_CALL = 0 };

struct registers {
    uint64_t raw[1];
};

#endif

/* The call that a thread waits in, proc_pid_syscall(5). */
struct waited_call {
    long number; /* -1: none */
    uint64_t first;
    uint64_t stack;
    uint64_t next; /* the address of the instruction behind it */
};

/* The largest frame that a signal's return takes, with all registers. */
enum { FRAME_MAX = 16384 };

/* Call ptrace(2) and waitpid(2).  Try again if they fail: a call that is refused in the
 * middle would leave the target half changed. */
long trace(int request, pid_t tid, void *address, void *data);
pid_t await_status(pid_t tid, int *status, int flags);

/* Read or write the registers of a stopped thread.  Return 0, or -1 and set errno. */
int read_registers(pid_t tid, struct registers *registers);
int write_registers(pid_t tid, const struct registers *registers);

#if defined __aarch64__

/* Finds the call that has returned EINTR, by the one in which the thread has waited
 * before at that place. */
void recall(struct registers *registers, const struct waited_call *waited);

/* Prepares a stopped thread for other registers, so that the call to be made again
 * keeps its remaining time.  Returns 0, or -1 if the thread has ended. */
int leave_call(pid_t tid, struct registers *registers);

#else

/* The registers tell the call, and the kernel looks for it after each stop. */
static inline void recall(struct registers *registers, const struct waited_call *waited)
{
    (void)registers;
    (void)waited;
}

static inline int leave_call(pid_t tid, struct registers *registers)
{
    (void)tid;
    (void)registers;
    return 0;
}

#endif

/* Returns whether the thread runs a program of 64 bits. */
bool is_wide(const struct registers *registers);

/* Returns the number of the call that the stop has interrupted, or -1. */
long interrupted_call(const struct registers *registers);

/* Returns the result that this call has so far: an errno is negative. */
long call_result(const struct registers *registers);

/* Returns or sets an argument of it, 0 to 5. */
uint64_t call_argument(const struct registers *registers, int number);
void set_call_argument(struct registers *registers, int number, uint64_t value);

/* Makes the thread make that call again. */
void make_again(struct registers *registers);

/* The form in which a call takes its time-out. */
enum time_form {
    TIME_NONE,
    TIME_MILLISECONDS, /* by a number */
    TIME_WIDE,         /* by the address of a struct timespec of 64-bit words */
    TIME_NARROW        /* of 32-bit words */
};

/* A call that any stop interrupts, as signal(7) says. */
struct timed_call {
    short number;
    bool wide;      /* of a program with 64-bit words */
    short argument; /* which one tells the time-out */
    short form;     /* enum time_form; TIME_NONE: this is the table's end */
    short selector; /* what the first argument must be; 0: any */
};

extern const struct timed_call timed_calls[];

/* Returns whether that call is close(2), whose work is done though it says EINTR. */
bool has_closed(const struct registers *registers);

uint64_t stack_pointer(const struct registers *registers);

/* Sets the registers for the code: where it is, where its first row is, and where the
 * frame is that it returns by. */
void begin_code(struct registers *registers, uint64_t code, uint64_t rows,
                uint64_t frame);

/* Returns the row whose call has just been made. */
uint64_t current_row(const struct registers *registers);

/* Returns whether the thread is in the code at that address. */
bool is_code(const struct registers *registers, uint64_t code);

/* Returns the room that the code of either kind of program takes, whole words. */
size_t code_room(void);

/* Returns the code, which runs at any address. */
const unsigned char *machine_code(bool wide, size_t *size);

/* Returns the number of a call in such a program. */
long call_number(enum remote_call call, bool wide);

/* Returns the bytes below the stack pointer that belong to the function that runs. */
size_t red_zone(void);

/*
 * Makes the frame by which the code goes on with registers as they are, or with the
 * interrupted call made anew.  *address is the end of the room for it in the thread's
 * memory, and becomes the address of the frame.  Returns the frame's size, or 0 if it
 * cannot be made.
 */
size_t make_frame(pid_t tid, const struct registers *registers, uint64_t mask,
                  uint64_t *address, unsigned char *frame);

#endif
