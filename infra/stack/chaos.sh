# shellcheck shell=bash
# `./classpulse oracle` and `./classpulse chaos`, and the test suite `chaos`. Sourced by ./classpulse, after test.sh,
# whose steps (building, the Python environment, counting) these commands share.

python_of_tests() { PYTHONDONTWRITEBYTECODE=1 "$VAR/venv/bin/python" "$@"; }

# Compares a running stack with what its events say.
command_oracle() {
    require tool_python
    mkdir -p "$VAR"
    python_environment
    python_of_tests "$ROOT/tests/oracle/oracle.py" "$@"
}

# Services are cut off in network namespaces; without `ip` the run says which faults it cannot do.
tool_ip="the ip command|ip -V|iproute2"

# Breaks a stack of its own on purpose, and lets the oracle judge.
command_chaos() {
    require tool_python
    mkdir -p "$VAR"
    python_environment
    (require tool_ip) || true
    # Asking for help or naming a fault that does not exist needs no build.
    python_of_tests "$ROOT/tests/chaos/chaos.py" --check "$@" || return $?
    case " $* " in *" --help "* | *" -h "*) return 0 ;; esac
    [ -n "${CLASSPULSE_BUILT:-}" ] || stack_is_built
    # In place of this shell, so that Ctrl-C reaches the one process that takes the stack down.
    PYTHONDONTWRITEBYTECODE=1 exec "$VAR/venv/bin/python" "$ROOT/tests/chaos/chaos.py" "$@"
}

suite_oracle() {
    require tool_python
    python_environment
    counted "$VAR/test/oracle.log" python_of_tests -m pytest -q -p no:cacheprovider tests/oracle tests/chaos
}

# Seed 178 draws, among its first six faults, the deaths of Kafka, ClickHouse, an edge and the processors, and a pause of
# the processors past their session.
suite_chaos() {
    require tool_python
    local without=""
    stack_is_built
    python_environment
    (require tool_ip) || true
    if ! python_of_tests "$ROOT/tests/chaos/chaos.py" --check --port-base "$(chaos_ports 0)"; then
        # A container may lack these rights; `./classpulse chaos` itself fails there, the suite does the other faults.
        echo "the faults that need them are left out of this suite"
        without="cut-edge,cut-processors,cut-api,full-clickhouse"
    fi
    counted "$VAR/test/chaos.log" "$ROOT/classpulse" chaos --faults 6 --seed 178 --without "$without" --port-base "$(chaos_ports 0)" \
        --report "$VAR/test/chaos"
    checked "processors that commit early are noticed" commit_early_is_noticed
    counted "$VAR/test/scaling.log" python_of_tests tests/chaos/scaling.py --port-base "$(chaos_ports 400)"
    checked "ledgers that are kept when their partition is given up are noticed" kept_ledgers_are_noticed
    checked "a partition that nobody watches is noticed" nobody_watching_is_noticed
    counted "$VAR/test/growing.log" python_of_tests tests/chaos/growing.py --port-base "$(chaos_ports 600)"
    counted "$VAR/test/killed-day.log" python_of_tests tests/chaos/killed_day.py --port-base "$(chaos_ports 200)"
}

# Fails unless the oracle finds lost events, and for that reason.
commit_early_is_noticed() {
    local log="$VAR/test/commit-early.log" status=0
    "$ROOT/classpulse" chaos --faults 2 --seed 1 --break commit-early --kinds kill-processors --port-base "$(chaos_ports 100)" \
        --report "$VAR/test/commit-early" >"$log" 2>&1 || status=$?
    tail -n 40 "$log"
    [ "$status" -ne 0 ] && grep -q '^DIFFERENT .*tables' "$log"
}

# Fails unless the oracle finds rows that lack events.
kept_ledgers_are_noticed() {
    local log="$VAR/test/keeps-given-up.log" status=0
    python_of_tests "$ROOT/tests/chaos/scaling.py" --break keeps-given-up --port-base "$(chaos_ports 500)" >"$log" 2>&1 || status=$?
    tail -n 40 "$log"
    [ "$status" -ne 0 ] && grep -q '^DIFFERENT .*tables' "$log"
}

# Fails unless a partition stays without an owner.
nobody_watching_is_noticed() {
    local log="$VAR/test/nobody-watches.log" status=0
    python_of_tests "$ROOT/tests/chaos/scaling.py" --break nobody-watches --port-base "$(chaos_ports 500)" >"$log" 2>&1 || status=$?
    tail -n 40 "$log"
    [ "$status" -ne 0 ] && grep -q '^equal .*back without a rebalance' "$log" && grep -q '^DIFFERENT .*an owner again' "$log"
}

chaos_ports() { echo $((${CLASSPULSE_CHAOS_PORT_BASE:-26000} + $1)); }
