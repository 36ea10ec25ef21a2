#!/bin/sh
# Restores a backup of backup.sh into an empty store, with all hubs stopped, and gives the store a
# new epoch, so that clients start over.
#
#   restore.sh [--force] FILE
#
# --force replaces a store that is not empty. SQLite: the previous store is kept beside the new one.
# PostgreSQL: all tables, views, sequences, functions and types of the schema are dropped first, in
# one transaction with the restore.
#
# Run it in the hub's directory, as the user of the hub, with `lonceng` on the PATH, and for
# PostgreSQL with `psql` and `pg_restore` too. The store is that of LONCENG_STORE__URL, DATABASE_URL
# or the configuration file. If the restore fails, the store is as before.
#
# Exit codes: 0 success, 1 failure, 2 invalid command line or configuration.
set -eu
umask 077
script=restore.sh
here=$(dirname "$(readlink -f "$0")")
[ -f "$here/store.sh" ] || { echo "$script: store.sh must be in the same folder" >&2; exit 2; }
# shellcheck source=store.sh
. "$here/store.sh"

force=no
file=
for argument in "$@"; do
  case $argument in
    -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p;}' "$here/$script"; exit 0 ;;
    --force) force=yes ;;
    -*) fail 2 "usage: $script [--force] FILE" ;;
    *) [ -z "$file" ] || fail 2 "usage: $script [--force] FILE"; file=$argument ;;
  esac
done
[ -n "$file" ] || fail 2 "usage: $script [--force] FILE"

require lonceng
url=$(store_url) || exit
[ -f "$file" ] || fail 1 "$file does not exist"

# Runs a command of lonceng on the store $1. Its messages are shown only if it fails.
on_store() {
  store=$1
  shift
  output=$(LONCENG_STORE__URL=$store lonceng "$@" 2>&1) || return 1
}

# Refuses to continue while a hub answers. It does not see hubs on other machines.
refuse_if_ready() {
  if lonceng health >/dev/null 2>&1; then
    fail 1 "a hub is running; stop all hubs first"
  fi
}

restore_sqlite() {
  path=$(sqlite_path "$url") || exit
  is_sqlite_file "$file" || fail 1 "$file is not a complete backup of a SQLite store"
  folder=$(dirname "$path")
  # Root creates files for the user of the hub, who owns the folder or the nearest one above it.
  owner=
  if [ "$(id -u)" = 0 ]; then
    nearest=$folder
    while [ ! -d "$nearest" ]; do nearest=$(dirname "$nearest"); done
    # shellcheck disable=SC2012  # stat has no portable format option
    owner=$(ls -ldn "$nearest" | awk '{ print $3 ":" $4 }')
  fi
  if [ ! -d "$folder" ]; then
    mkdir -p "$folder"
    [ -z "$owner" ] || chown "$owner" "$folder"
  fi
  # The lock of the hub: while this script holds it, no hub starts on the store.
  if command -v flock >/dev/null 2>&1; then
    exec 9>>"$path.lock"
    [ -z "$owner" ] || chown "$owner" "$path.lock"
    flock -n 9 || fail 1 "a hub is running on $path; stop it first"
  else
    refuse_if_ready
  fi
  if [ "$force" = no ] && { [ -s "$path" ] || [ -s "$path-wal" ]; }; then
    fail 1 "the store $path is not empty; move it away, or pass --force to replace it"
  fi

  new=$path.restoring
  trap 'rm -f "$new" "$new-wal" "$new-shm"' EXIT
  trap 'exit 1' HUP INT TERM
  rm -f "$new" "$new-wal" "$new-shm"
  cp "$file" "$new" || fail 1 "$file cannot be copied to $new; look for a full disk"
  on_store "sqlite://$new" migrate --new-epoch || fail 1 "the schema cannot be migrated: $output"
  epoch=${output##* }
  on_store "sqlite://$new" verify || fail 1 "$file is inconsistent: $output"
  verified=$output
  # Everything is in the file itself once the last connection is closed.
  [ ! -s "$new-wal" ] || fail 1 "$new is in use; end the programs that read it"
  rm -f "$new-wal" "$new-shm"
  [ -z "$owner" ] || chown "$owner" "$new"

  if [ -e "$path" ] || [ -e "$path-wal" ]; then
    kept=$path.before-restore-$(date -u +%Y%m%dT%H%M%SZ)
    [ ! -e "$path" ] || mv "$path" "$kept"
    [ ! -e "$path-wal" ] || mv "$path-wal" "$kept-wal"
    rm -f "$path-shm"
    echo "the previous store was moved to $kept"
  fi
  mv "$new" "$path"
}

# Objects that --force drops: those of the schema, without those of extensions.
drop_all="DO \$\$
DECLARE statement TEXT;
BEGIN
  FOREACH statement IN ARRAY ARRAY(
    SELECT format('DROP %s IF EXISTS %s CASCADE', CASE c.relkind WHEN 'v' THEN 'VIEW'
      WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE' WHEN 'f' THEN 'FOREIGN TABLE'
      ELSE 'TABLE' END, c.oid::regclass)
    FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace
      AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND NOT c.relispartition
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
        AND d.objid = c.oid AND d.deptype IN ('e', 'i', 'a'))
    UNION ALL
    SELECT format('DROP ROUTINE IF EXISTS %s CASCADE', p.oid::regprocedure)
    FROM pg_proc p WHERE p.pronamespace = current_schema()::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
        AND d.objid = p.oid AND d.deptype IN ('e', 'i'))
    UNION ALL
    SELECT format('DROP TYPE IF EXISTS %s CASCADE', t.oid::regtype)
    FROM pg_type t WHERE t.typnamespace = current_schema()::regnamespace
      AND t.typtype IN ('e', 'd') AND NOT EXISTS (SELECT FROM pg_depend d
        WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype IN ('e', 'i')))
  LOOP
    EXECUTE statement;
  END LOOP;
END \$\$;"

restore_postgres() {
  require psql pg_restore
  connect_postgres "$url"
  error=$(pg_restore --list "$file" 2>&1 >/dev/null) ||
    fail 1 "$file is not a backup of pg_dump: $error"
  query() { psql -X -q -A -t -v ON_ERROR_STOP=1 --dbname "$pg_url" -c "$1"; }

  hubs=$(query "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
    AND application_name = 'lonceng'" 2>&1) || fail 1 "$hubs"
  [ "$hubs" = 0 ] || fail 1 "hubs are running: $hubs connections; stop all hubs first"
  tables=$(query "SELECT count(*) FROM pg_class c WHERE relkind IN ('r', 'p')
    AND relnamespace = current_schema()::regnamespace AND NOT EXISTS (SELECT FROM pg_depend d
    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')")
  if [ "$force" = no ] && [ "$tables" != 0 ]; then
    fail 1 "the database is not empty: $tables tables; create another one, or pass --force to" \
      "replace it"
  fi

  # The archive is converted before anything is changed: a damaged one changes nothing.
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  trap 'exit 1' HUP INT TERM
  error=$(pg_restore --no-owner --file="$work/restore.sql" "$file" 2>&1) ||
    fail 1 "$file cannot be read: $error"
  : >"$work/drop.sql"
  [ "$force" = no ] || printf '%s\n' "$drop_all" >"$work/drop.sql"
  error=$(
    PGOPTIONS='-c client_min_messages=warning' psql -X -q -v ON_ERROR_STOP=1 --single-transaction \
      --file="$work/drop.sql" --file="$work/restore.sql" --dbname "$pg_url" 2>&1 >/dev/null
  ) || fail 1 "nothing was changed: $error"
  error=$(query ANALYZE 2>&1) || fail 1 "$error"

  on_store "$url" migrate --new-epoch || fail 1 "the schema cannot be migrated: $output"
  epoch=${output##* }
  on_store "$url" verify || fail 1 "the restored store is inconsistent: $output"
  verified=$output
}

case $url in
  sqlite:*) restore_sqlite ;;
  postgres:* | postgresql:*) restore_postgres ;;
  *) fail 2 "store.url must start with sqlite:// or postgres://" ;;
esac

echo "the store was restored from $file; its new epoch is $epoch"
echo "$verified"
echo "next: start the hubs; clients read their inboxes again. Events after the backup are not in it"
