#!/bin/sh
# Backs up the store into a new file, while the hubs run.
#
#   backup.sh FILE
#
# Run it in the hub's directory, as the user of the hub, with `lonceng` on the PATH, and for
# PostgreSQL with `pg_dump` too. The store is that of LONCENG_STORE__URL, DATABASE_URL or the
# configuration file. A SQLite store becomes a SQLite file, a PostgreSQL store an archive of pg_dump
# (--format=custom). FILE appears only when it is complete.
#
# Exit codes: 0 success, 1 failure, 2 invalid command line or configuration.
set -eu
umask 077
script=backup.sh
here=$(dirname "$(readlink -f "$0")")
[ -f "$here/store.sh" ] || { echo "$script: store.sh must be in the same folder" >&2; exit 2; }
# shellcheck source=store.sh
. "$here/store.sh"

case ${1:-} in -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p;}' "$here/$script"; exit 0 ;; esac
if [ $# -ne 1 ]; then fail 2 "usage: $script FILE"; fi
case $1 in '' | -*) fail 2 "usage: $script FILE" ;; esac
file=$1

require lonceng
url=$(store_url) || exit
[ ! -e "$file" ] || fail 1 "$file exists already; name a new file"
[ -d "$(dirname "$file")" ] || fail 1 "the folder of $file does not exist; create it"

partial=$file.partial-$$
trap 'rm -f "$partial"' EXIT
trap 'exit 1' HUP INT TERM

case $url in
  sqlite:*)
    path=$(sqlite_path "$url") || exit
    [ -s "$path" ] || fail 1 "there is no store at $path; run this in the hub's directory"
    error=$(lonceng backup "$partial" 2>&1 >/dev/null) || fail 1 "${error#lonceng: }"
    is_sqlite_file "$partial" || fail 1 "the copy is incomplete; look for a full disk"
    ;;
  postgres:* | postgresql:*)
    require pg_dump pg_restore
    connect_postgres "$url"
    error=$(pg_dump --format=custom --file="$partial" "$pg_url" 2>&1) || fail 1 "$error"
    error=$(pg_restore --list "$partial" 2>&1 >/dev/null) || fail 1 "$error"
    ;;
  *) fail 2 "store.url must start with sqlite:// or postgres://" ;;
esac
mv "$partial" "$file"
echo "the store was copied to $file ($(wc -c <"$file" | tr -d ' ') bytes)"
