# README's code blocks, for the tests that run them.
#
# shellcheck shell=bash disable=SC2154

# block LINE: the code block of README whose first line begins so; printed LINE: the line of
# a block that begins so, without a comment behind it.  Both with the places of this test.
block() { blocks | awk -v first="$1" 'index($0, first) == 1 && at == 0 { on = 1 } { at = 1 }
    $0 == "@" { on = 0; at = 0 } on' | here; }
printed() { blocks | grep -m 1 -F -- "$1" | sed 's/  *# .*//' | here; }
# The blocks, each with a line "@" behind it.
blocks() { awk '/^```/ { inside = !inside; if (!inside) print "@"; next } inside' "$ROOT/README.md"; }
here() { sed "s,/usr/local/bin/,$PWD/bin/,g; s,8080,${port:-8080},g; s,/var/log/,$PWD/,g; s,/opt/app,$PWD,g"; }

# Run such text where dznohup and dzctl are programs of the build.
run_printed() {
    [ -n "$1" ] || fail "README does not have it"
    try closed env PATH="$PWD/bin:$PATH" bash -c "$1" </dev/null
}
# The same, and track the PID that it prints.
started() {
    run_printed "$1"
    [ "$status" = 0 ] || fail "$1: status $status: $stderr"
    pid=$output
    track "$pid"
}
set_up_programs() {
    mkdir -p bin
    ln -sf "$DZ" bin/dznohup
    ln -sf "$CTL" bin/dzctl
    port=$(free_port)
    program server "import http.server
print('ready', flush=True)
http.server.HTTPServer(('127.0.0.1', $port), http.server.SimpleHTTPRequestHandler).serve_forever()"
}
# A program of Python, or of the shell.
program() {
    case $2 in
    import*) printf '#!%s\n%s\n' "$PYTHON" "$2" >"$1" ;;
    *) printf '#!/bin/bash\n%s\n' "$2" >"$1" ;;
    esac
    chmod +x "$1"
}
