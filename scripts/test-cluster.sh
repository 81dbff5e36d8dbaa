# A PostgreSQL for tests: sh test-cluster.sh DIRECTORY-OF-PROGRAMS SUPERUSER
# Starts a cluster in a directory of its own, prints that directory (it holds the socket), and runs until
# its standard input ends. The kernel ends it however the process at the other end dies, so nothing is left over.
set -eu
umask 077
directory=$(mktemp -d /tmp/vitne-test-XXXXXX)
postgres=
finish() {
    # More than once, because one that has only just been started ignores it.
    while [ -n "$postgres" ] && kill -QUIT "$postgres" 2>/dev/null; do sleep 0.1; done
    rm -rf "$directory"
}
trap finish EXIT
# PIPE too: the other end may die before it has heard the directory.
trap '' INT HUP TERM PIPE
"$1/initdb" -D "$directory/data" -U "$2" -E UTF8 --locale=C --auth=trust --no-sync >"$directory/log" 2>&1 || {
    cat "$directory/log"
    exit 1
}
# What tests write need not survive a power cut.
"$1/postgres" -D "$directory/data" -k "$directory" -c listen_addresses= -c port=5432 -c fsync=off \
    -c synchronous_commit=off -c full_page_writes=off -c max_connections=400 -c shared_buffers=64MB \
    -c timezone=UTC -c autovacuum_naptime=5s >>"$directory/log" 2>&1 </dev/null &
postgres=$!
echo "$directory"
cat >/dev/null
