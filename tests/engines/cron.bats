# cron: Debian's, in a mount namespace with a spool, a /run and a sendmail of its own.  Its
# clock is set to the end of a minute, so that a line for each minute runs soon.

load ../helpers
load engines

needs() {
    need_root
    need cron unshare faketime
    fakes_time
}

# boot RECIPE: cron with that line, 3 seconds before a minute.
boot() {
    mkdir -p home
    {
        echo "DZ_STATE_DIR=$DZ_STATE_DIR"
        echo "HOME=$PWD/home"
        recipe "$1"
        # Behind the recipe's line: cron has begun that by then.
        echo "* * * * * echo ran >>$PWD/ran"
    } >table
    rm -f ran
    cat >inside.sh <<'SH'
mount --make-rprivate /
mount -t tmpfs layers /mnt
mkdir -p /mnt/upper /mnt/work /mnt/empty
printf '#!/bin/sh\nexec cat >>%s/mail\n' "$PWD" >/mnt/upper/sendmail
chmod 755 /mnt/upper/sendmail
mount -t overlay -o lowerdir=/usr/sbin,upperdir=/mnt/upper,workdir=/mnt/work overlay /usr/sbin
mount --bind /dev/null /etc/crontab
mount --bind /mnt/empty /etc/cron.d
mount -t tmpfs run /run
mount -t tmpfs spool /var/spool/cron
mkdir /var/spool/cron/crontabs
install -m 600 table /var/spool/cron/crontabs/root
export FAKETIME="+$((57 - 10#$(date +%S) + 60))s" LD_PRELOAD
LD_PRELOAD=$(echo /usr/lib/*/faketime/libfaketime.so.1)
exec cron -f
SH
    engine unshare --mount bash -e inside.sh
}
end_cron() {
    kill "$engine"
    await gone "$engine"
}

@test "cron, @reboot: start, readiness, status, log, stop; a failing start is mailed" {
    new_app
    boot cron-reboot
    # Nothing but the program is left once it is ready.
    serving
    await only_app
    "$CTL" ready app listen:"$port"
    [[ $("$CTL" status app) == "app: running, PID $app,"*"log $PWD/home/app.log" ]]
    end_cron
    alive "$app"
    assert_own_session "$app" leave
    "$CTL" stop app
    # Python's buffer.
    assert log "$(<home/app.log)" $'starting\nlistening\nstopped'
    refute test -e mail
    assert_nothing_left
    break_app
    boot cron-reboot
    await holds mail "app: no such database"
    assert_match mail "$(<mail)" "*dznohup: start: $PWD/app/server: exited with status 3 after * ms*"
    await is_over
    end_cron
    assert_nothing_left
}
only_app() { [ "$(processes_with "$PWD/app")" = "/proc/$app/cmdline" ]; }
# cron reaps its children at the next minute.
is_over() {
    local child
    for child in $(pgrep -P "$engine"); do
        gone "$child" || return
    done
}

@test "cron, each minute: a job that runs is left alone, one that has ended is started" {
    new_app
    boot cron-minute
    serving
    await only_app
    end_cron
    first=$app
    boot cron-minute
    await is_file ran
    await is_over
    alive "$first"
    await only_app
    end_cron
    kill -KILL "$first"
    await gone "$first"
    boot cron-minute
    await serves_again "$first"
    serving
    end_cron
    refute test -e mail
    "$CTL" stop app
    assert_nothing_left
}
