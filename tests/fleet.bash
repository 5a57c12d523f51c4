# Hosts that are one machine: addresses 127.0.1.1 to 127.0.1.N of a network namespace, in
# which one sshd has all of them.  Each host has its own directory and its own jobs; in
# its commands, ADDRESS is its address.
#
# shellcheck shell=bash

# Makes DIRECTORY ready for HOSTS and starts sshd there; sets sshd to its PID.  The
# network namespace is the caller's.
fleet_start() { # DIRECTORY HOSTS
    local host
    ip link set lo up
    mkdir -p "$1/run" /run/sshd
    ssh-keygen -q -t ed25519 -N '' -f "$1/host-key"
    ssh-keygen -q -t ed25519 -N '' -f "$1/key"
    {
        printf '%s\n' "HostKey $1/host-key" "AuthorizedKeysFile $1/key.pub" "ListenAddress 0.0.0.0" \
            "Port 22" "PidFile none" "PermitRootLogin yes" "StrictModes no" "UsePAM no" \
            "MaxStartups 100" "LogLevel ERROR"
        for ((host = 1; host <= $2; host++)); do
            mkdir "$1/run/$host"
            echo "Match LocalAddress 127.0.1.$host"
            echo "SetEnv ADDRESS=127.0.1.$host DZ_STATE_DIR=$1/run/$host/jobs HOME=$1/run/$host PATH=$BUILD:$PATH"
        done
    } >"$1/sshd.conf"
    printf '%s\n' "IdentityFile $1/key" "StrictHostKeyChecking no" "UserKnownHostsFile /dev/null" \
        "LogLevel ERROR" >"$1/ssh.conf"
    "$(command -v sshd)" -D -e -f "$1/sshd.conf" 2>"$1/sshd.log" </dev/null &
    sshd=$!
    until (exec 9<>/dev/tcp/127.0.0.1/22) 2>/dev/null; do
        kill -0 $sshd || return
        sleep 0.02
    done
}

# Runs a command on hosts, at most 32 at once, with clush(1).
fleet() { # DIRECTORY [OPTION]... -w HOSTS COMMAND
    local directory=$1
    shift
    clush -S -f 32 -o "-F $directory/ssh.conf" "$@" </dev/null
}
