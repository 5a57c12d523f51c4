# --wait=listen: when the launcher has returned, the first request is answered; by servers
# of which another process than the first listens.

load helpers
load waiting

@test "nginx in the foreground, master and workers, answers, fifty times" {
    need nginx
    nginx_conf "daemon off; worker_processes 2;"
    fifty nginx_http bash -c "sed s/@/PORT/ '$PWD/nginx.conf' >'$PWD/PORT.conf' && exec nginx -c '$PWD/PORT.conf'"
}

@test "nginx that daemonizes itself answers, fifty times" {
    need nginx
    nginx_conf ""
    fifty nginx_http bash -c "sed s/@/PORT/ '$PWD/nginx.conf' >'$PWD/PORT.conf' && exec nginx -c '$PWD/PORT.conf'"
}

@test "a script that starts its server two forks down, and waits, fifty times" {
    fifty hello bash -c "(bash -c '\"$TARGETS/server\" PORT & wait' & wait); :"
}

@test "a script that starts its server two forks down, and ends, fifty times" {
    fifty hello bash -c "(bash -c '\"$TARGETS/server\" PORT &' &) & exit 0"
}
