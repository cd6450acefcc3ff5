#!/bin/sh
# Install the real servers the tests start, on Debian as root only. Their own start at install time is suppressed.
set -eu
[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 || exit 0
wanted=""
command -v mosquitto >/dev/null 2>&1 || [ -x /usr/sbin/mosquitto ] || wanted="$wanted mosquitto"
command -v mosquitto_pub >/dev/null 2>&1 || wanted="$wanted mosquitto-clients"
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && id postgres >/dev/null 2>&1 || wanted="$wanted postgresql"
command -v chromium >/dev/null 2>&1 || wanted="$wanted chromium"
command -v victoria-metrics >/dev/null 2>&1 || wanted="$wanted victoria-metrics"
fc-list :lang=zh 2>/dev/null | grep -q . || wanted="$wanted fonts-noto-cjk"
command -v nginx >/dev/null 2>&1 || [ -x /usr/sbin/nginx ] || wanted="$wanted nginx-light"
command -v wrk >/dev/null 2>&1 || wanted="$wanted wrk"
[ -n "$wanted" ] || exit 0
echo "installing$wanted"
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
    # Not every shell runs the EXIT trap on a signal, and the file left behind would keep services from starting.
    trap 'exit 130' INT
    trap 'exit 143' TERM
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# One by one: a package that this release lacks costs its own tests, which are skipped by name, and not the others'.
for package in $wanted; do
    apt-get install -y -qq --no-install-recommends "$package" >/dev/null || echo "not installed: $package"
done
