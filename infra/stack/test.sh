# shellcheck shell=bash
#> ./classpulse test [SUITE ...] [--seeds N] [--seed N]
#>
#>   fmt    formatting of the Rust sources
#>   lint   clippy without a warning; the shell scripts parse
#>   unit   unit tests and documentation examples of every crate
#>   tidy   layers, purity, documents that name existing things
#>   simulation  the ledgers' workers among everything that can go wrong, drawn from 20,000 seeds; each mechanism broken
#>          once, and noticed. --seeds N for another number of them, --seed N for another first one
#>   e2e    a scripted day on real Kafka and ClickHouse, by hand-computed figures
#>   wire   clients that others wrote: confluent-kafka, clickhouse-connect, pyarrow, an OpenAPI fuzzer
#>   oracle the oracle's own arithmetic, by hand; the chaos run's judgement
#>   chaos  six faults and the oracle; its negative control; a killed fleet day equals an undisturbed one
#>   fuzz   hostile bodies and queries, for some seconds
#>
#> Without a name: all of them, in this order. The last line is `N passed, N failed`: tests, and each other check as one.
#
# Sourced by ./classpulse. A suite is a function `suite_<name>`; it counts with `counted` and `checked`.

SUITES="fmt lint unit tidy simulation e2e wire oracle chaos fuzz"
PASSED=0
FAILED=0

command_test() {
    local suite wanted="" summary=()
    while [ $# -gt 0 ]; do
        case "$1" in
        --seeds) export SEEDS="${2:-}"; shift ;;
        --seed) export SEED="${2:-}"; shift ;;
        *) wanted="$wanted $1" ;;
        esac
        shift || die "--seeds and --seed need a number"
    done
    wanted="${wanted:-$SUITES}"
    for suite in $wanted; do
        case " $SUITES " in *" $suite "*) ;; *) die "there is no suite $suite; there are: $SUITES" ;; esac
    done
    require tool_rust tool_cc tool_cmake
    mkdir -p "$VAR/test"
    for suite in $wanted; do
        run_suite "$suite"
    done
    say ""
    [ ${#summary[@]} -eq 0 ] || printf '%s\n' "${summary[@]}"
    echo "$PASSED passed, $FAILED failed"
    [ "$FAILED" -eq 0 ] && [ "$PASSED" -gt 0 ]
}

# Runs one suite; adds a line to `summary`.
run_suite() {
    local passed=$PASSED failed=$FAILED started=$SECONDS
    echo "==== $1"
    "suite_$1"
    summary+=("$(printf '%-10s %4d passed, %d failed, %d s' \
        "$1" $((PASSED - passed)) $((FAILED - failed)) $((SECONDS - started)))")
    echo "${summary[-1]}"
}

# Runs a command as one check.
checked() {
    local what="$1"
    shift
    if (cd "$ROOT" && "$@") </dev/null; then
        PASSED=$((PASSED + 1))
    else
        echo "FAILED: $what"
        FAILED=$((FAILED + 1))
    fi
}

# Runs a test runner, and adds up the tests that its closing lines tell. A runner that fails without telling a failed
# test (it did not build, or found none) counts as one failure.
counted() {
    local log="$1" status=0 passed failed
    shift
    (cd "$ROOT" && "$@") </dev/null 2>&1 | tee "$log" || status=$?
    passed="$(tally passed "$log")"
    failed="$(tally failed "$log")"
    if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
    if [ "$status" -eq 0 ] && [ "$passed" -eq 0 ]; then
        echo "FAILED: no test was run"
        failed=1
    fi
    PASSED=$((PASSED + passed))
    FAILED=$((FAILED + failed))
}

# Adds up the numbers before a word in the closing lines of cargo test (`test result: …`) and pytest (`== … ==`).
tally() {
    local word="$1" log="$2"
    sed 's/\x1b\[[0-9;]*m//g' "$log" | awk -v word="$word" '
        /^test result: / || /^[0-9]+ passed, [0-9]+ failed$/ || /^=+ .* in [0-9.]+s/ || /^[0-9]+ (passed|failed|error).* in [0-9.]+s/ {
            for (i = 2; i <= NF; i++) {
                said = $i
                sub(/[,;]$/, "", said)
                if (said == word || (word == "failed" && said ~ /^errors?$/)) sum += $(i - 1)
            }
        }
        END { print sum + 0 }'
}

suite_fmt() { checked "cargo fmt" cargo fmt --all --check; }

suite_lint() {
    checked "clippy" cargo clippy --release --locked --workspace --all-targets -- -D warnings
    local script
    for script in classpulse .ci/run infra/stack/test.sh infra/stack/chaos.sh infra/stack/doctor.sh; do
        checked "$script parses" bash -n "$script"
    done
}

suite_unit() {
    require tool_postgres
    counted "$VAR/test/unit.log" cargo test --release --locked --workspace --no-fail-fast
}

suite_tidy() { counted "$VAR/test/tidy.log" cargo test --release --locked --workspace --test tidy; }

suite_simulation() {
    counted "$VAR/test/simulation.log" cargo test --release --locked --workspace --test simulation
}

suite_e2e() {
    require tool_postgres
    stack_is_built
    counted "$VAR/test/e2e.log" cargo test --release --locked --workspace --test e2e -- --nocapture --test-threads=1
}

suite_wire() {
    require tool_python
    stack_is_built
    python_environment
    counted "$VAR/test/wire.log" "$VAR/venv/bin/python" -m pytest -q tests/wire
}

suite_fuzz() { counted "$VAR/test/fuzz.log" tests/fuzz/run; }

stack_is_built() {
    require tool_rust tool_cc tool_cmake tool_java tool_maven tool_npm
    # With the tests, as `unit` did: cargo chooses other features of the dependencies for binaries alone, and would
    # compile most of them twice.
    (cd "$ROOT" && cargo build --release --locked --workspace --bins --tests) >&2 </dev/null || die "the build failed"
    parts
    export CLASSPULSE_BUILT=1
}

# var/venv with what tests/requirements.txt names.
python_environment() { once "the Python test clients" "$VAR/venv.stamp" "$ROOT/tests/requirements.txt" make_venv; }

make_venv() {
    rm -rf "$VAR/venv"
    python3 -m venv "$VAR/venv" || die "Python cannot make a virtual environment"
    "$VAR/venv/bin/python" -m pip install -q --disable-pip-version-check -r "$ROOT/tests/requirements.txt" >&2 \
        </dev/null || die "pip could not install tests/requirements.txt (see above)"
}
