#!/bin/sh
# Checks whether a hub is ready: prints "ready" and exits with 0, or prints the reason and exits
# with 1.
#
#   healthcheck.sh [URL]        URL such as http://127.0.0.1:8080; by default that of the
#                               configuration
#
# Run it in the hub's directory, with `lonceng` on the PATH.
#
# Exit codes: 0 ready, 1 not ready, 2 invalid command line or configuration.
set -eu
usage() { echo "healthcheck.sh: usage: healthcheck.sh [URL]" >&2; exit 2; }

[ $# -le 1 ] || usage
case ${1:-} in
  -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p;}' "$0"; exit 0 ;;
  -*) usage ;;
esac
command -v lonceng >/dev/null 2>&1 || {
  echo "healthcheck.sh: lonceng is not on the PATH; install it, or add its folder to PATH" >&2
  exit 2
}
exec lonceng health ${1:+--url "$1"}
