# shellcheck shell=bash
# Sourced by ./classpulse: says what works and what is missing, and changes nothing.

command_doctor() {
    local troubles=0 base=8700
    case "${1:-}" in
    --port-base) base="${2:?a port base}" ;;
    --port-base=*) base="${1#--port-base=}" ;;
    esac
    doctor_tools
    doctor_parts
    doctor_ports "$base"
    doctor_space
    [ "$troubles" -eq 0 ] || die "$troubles of these need attention"
    say "everything is well"
}

fine() { printf '  ok       %s\n' "$*"; }
trouble() {
    printf '  TROUBLE  %s\n' "$*"
    troubles=$((troubles + 1))
}

doctor_tools() {
    echo "toolchain"
    doctor_tool tool_rust 'cargo --version; rustc --version'
    doctor_tool tool_cc 'c++ --version | head -1'
    doctor_tool tool_cmake 'cmake --version | head -1'
    doctor_tool tool_java 'java -version 2>&1 | head -1'
    doctor_tool tool_maven 'mvn --version | head -1'
    doctor_tool tool_npm 'npm --version'
    doctor_tool tool_python 'python3 --version'
}

doctor_tool() {
    local name check package
    IFS='|' read -r name check package <<<"${!1}"
    if works "$check"; then
        fine "$name: $( (eval "$2") 2>/dev/null | sed 's/\x1b\[[0-9;]*m//g' | paste -sd ';' | sed 's/;/; /g')"
    else
        trouble "$name is missing or too old: install $package"
    fi
}

doctor_parts() {
    echo "parts (fetched and built by ./classpulse up)"
    local part
    for part in lib/kafka.stamp:"Kafka's jars" lib/clickhouse.stamp:"ClickHouse library"; do
        if [ -s "$VAR/${part%%:*}" ]; then fine "${part#*:}"; else echo "  not yet  ${part#*:}"; fi
    done
    for part in stack $SERVICES; do
        if [ -x "$BIN/$part" ]; then fine "$part"; else echo "  not yet  $part"; fi
    done
}

# Free ports, unless it is this checkout's own stack that has them.
doctor_ports() {
    local port directory="$VAR"
    echo "ports $1 to $(($1 + 8))"
    [ "$1" = 8700 ] || directory="$VAR/$1"
    if [ -S "$directory/control.sock" ] && "$BIN/stack" status --port-base "$1" >/dev/null 2>&1; then
        fine "a stack is up there"
        return
    fi
    for port in $(seq "$1" $(($1 + 8))); do
        if (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then trouble "port $port is taken; use --port-base"; fi
    done
    [ "$troubles" -gt 0 ] || fine "free"
}

doctor_space() {
    echo "machine"
    local disk memory
    disk="$(df -Pk "$ROOT" | awk 'NR == 2 { print int($4 / 1048576) }')"
    memory="$(awk '/MemAvailable/ { print int($2 / 1048576) }' /proc/meminfo)"
    if [ "$disk" -ge 12 ]; then fine "$disk GB of disk free"; else trouble "$disk GB of disk free; 12 are needed"; fi
    if [ "$memory" -ge 4 ]; then fine "$memory GB of memory free"; else trouble "$memory GB of memory free; 4 are needed"; fi
    fine "$(nproc) processors, $(uname -sm)"
}
