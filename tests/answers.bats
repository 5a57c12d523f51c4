# --wait=listen: when the launcher has returned, the first request is answered; by servers
# that listen themselves.

load helpers
load waiting

@test "redis-server answers, fifty times" {
    need redis-server
    fifty redis redis-server --port PORT --save "" --bind 127.0.0.1
}

@test "memcached answers, fifty times" {
    need memcached
    fifty memcached memcached -t 1 -u nobody -l 127.0.0.1 -p PORT
}

@test "python3 -m http.server answers, fifty times" {
    fifty http "$PYTHON" -m http.server --bind 127.0.0.1 --directory "$HOME" PORT
}

@test "a server answers, fifty times" {
    fifty hello "$TARGETS/server" PORT
}

@test "a static server answers, fifty times" {
    WAYS="leave leave" # nothing is preloaded into it
    fifty hello "$TARGETS/server-static" PORT
}
