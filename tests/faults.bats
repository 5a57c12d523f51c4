# All or nothing, whatever system call fails: tests/faults, which is the whole
# sweep; here a sample, and what once was a defect.

# bats file_tags=unsanitized
# The sanitizers' own calls would be made to fail.

load helpers

# swept MODE REGEX: those injections of that mode; there are some, and all is well.
swept() {
    BUILD=$BUILD DEADLINE=600 try within "$TESTS/faults" --only "$2" "$1"
    [ "$status" = 0 ] || fail "$output$stderr"
    assert_match "sum for $1 $2" "$output" "*[1-9]*injections, 0 whose call was not made,*"
}

# The same of a keeper, which wakes up now and then: the number of its calls is another in
# each run.
swept_kept() {
    BUILD=$BUILD DEADLINE=600 try within "$TESTS/faults" --only "$2" "$1"
    [ "$status" = 0 ] || fail "$output$stderr"
    assert_match "sum for $1 $2" "$output" "*[1-9]*injections,*, 0 violations"
}

@test "a sample of all faults: no violation" {
    need python3
    BUILD=$BUILD DEADLINE=600 try within "$TESTS/faults" --sample 300
    [ "$status" = 0 ] || fail "$output$stderr"
    assert_match output "$output" "*300 injections*, 0 violations"
}

@test "a terminal that cannot be asked is not kept" {
    swept stay ':ioctl:.*/dev/pts'
}

@test "where stderr cannot be copied, stderr says so" {
    swept stay-files ':fcntl:.*pipe'
}

@test "a target whose PID cannot be told does not run, and leaves no record" {
    swept pidfile ':2:write:1:'
}

@test "a caller that cannot be told that main is reached: the program does not run" {
    swept shim ':2:write:.*pipe'
}

@test "a signal of the keyboard that cannot be discarded is left as it was" {
    swept shim-stay ':rt_sigaction:'
}

@test "a program that is executed twice, whose second start fails, leaves nothing behind and says one line" {
    swept shim-again-stay ':rt_sigaction:.*ENOSYS'
    swept shim-again ':2:fcntl:'
}

@test "a target that is killed while it writes its record leaves none" {
    swept alive ':2:.*:KILL'
}

@test "a job whose boot or PID namespace cannot be told is not taken for ended" {
    swept stop ':(EIO|ENOMEM|EACCES) .*(ns/pid|boot_id)'
}

@test "in stay mode a power that cannot be had leaves no record" {
    swept powers '0:prctl:'
}

@test "an adoption that is killed or refused at any ptrace: the program runs as before, or adopted" {
    swept adopt ':ptrace:'
}

@test "a keeper whose ring cannot be opened says so; one that cannot lock its files goes on" {
    swept_kept keep-pump '0:mmap:'
    swept_kept keep-restart '0:flock:'
}

@test "an old log that cannot be looked at is not replaced" {
    swept keep-pump '0:(lstat|newfstatat):.*(EIO|EPERM|EACCES)'
}

@test "the end of a job is recorded, whatever fails once" {
    swept_kept keep ':(open|write|ftruncate):.*(state/|boot_id)'
}

@test "a line that the journal or syslog does not take at once is sent again, once" {
    need_root
    swept_kept keep-journal ':sendmmsg:.*(EAGAIN|ECONNREFUSED|KILL)'
    swept_kept keep-syslog ':sendmmsg:.*ECONNREFUSED'
}

@test "the command of an output is never taken for the program, whatever fails once" {
    swept_kept keep-command '0:readlink:'
}
