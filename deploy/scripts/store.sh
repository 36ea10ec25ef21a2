# shellcheck shell=sh
# Functions shared by backup.sh and restore.sh, which read this file from their own folder and set
# "script" to their name.

# Prints an error of one line, and exits with code 1 (failure) or 2 (invalid command line or
# configuration).
fail() {
  code=$1
  shift
  # shellcheck disable=SC2154
  printf '%s\n' "$(printf '%s: %s' "$script" "$*" | tr '\n\t' '  ')" >&2
  exit "$code"
}

# Requires programs on the PATH.
require() {
  for program in "$@"; do
    command -v "$program" >/dev/null 2>&1 ||
      fail 2 "$program is not on the PATH; install it, or add its folder to PATH"
  done
}

# Prints store.url of the configuration file $1 as two words, separated by a tab: "value" and the
# URL, "env" and the name of a variable, or "file" and a path. Prints nothing if the key is missing,
# and "unknown" if its value is written in a way that is not understood here.
read_store_url() {
  awk '
    # Counts how often a delimiter occurs.
    function occurrences(text, delimiter) { return gsub(delimiter, "", text) }
    # Returns the text of a quoted string at the start of the value, and sets "rest" to what
    # follows.
    function unquoted(value,    quote, position, char, text) {
      quote = substr(value, 1, 1)
      valid = 0
      if (quote != "\"" && quote != apostrophe) return ""
      for (position = 2; position <= length(value); position++) {
        char = substr(value, position, 1)
        if (char == quote) { valid = 1; break }
        if (char == "\\" && quote == "\"") {
          char = substr(value, ++position, 1)
          if (char != "\\" && char != "\"") return ""
        }
        text = text char
      }
      rest = substr(value, position + 1)
      return text
    }
    function report(value,    kind, text) {
      kind = "value"
      if (value ~ /^\{/) {
        sub(/^\{[ \t]*/, "", value)
        kind = value
        sub(/[ \t]*=.*/, "", kind)
        if (kind != "env" && kind != "file") { print "unknown"; return }
        sub(/^[a-z]+[ \t]*=[ \t]*/, "", value)
        text = unquoted(value)
        if (!valid || rest !~ /^[ \t]*\}[ \t]*(#.*)?$/) { print "unknown"; return }
      } else {
        text = unquoted(value)
        if (!valid || rest !~ /^[ \t]*(#.*)?$/) { print "unknown"; return }
      }
      print kind "\t" text
    }
    BEGIN { apostrophe = sprintf("%c", 39); open_quote = "" }
    { sub(/\r$/, ""); sub(/^[ \t]+/, "") }
    # Lines within strings of several lines are no keys.
    open_quote != "" { if (occurrences($0, open_quote) % 2) open_quote = ""; next }
    /^#/ || /^$/ { next }
    /^\[/ { section = $0; sub(/[ \t]*(#.*)?$/, "", section); gsub(/[ \t]/, "", section); next }
    {
      is_key = section == "[store]" && /^"?url"?[ \t]*=/
      is_key = is_key || (section == "" && /^store[ \t]*\.[ \t]*url[ \t]*=/)
      if (is_key) { sub(/^[^=]*=[ \t]*/, ""); report($0); exit }
      if (section == "" && /^store[ \t]*=/) { print "unknown"; exit }
      if (occurrences($0, "\"\"\"") % 2) open_quote = "\"\"\""
      else if (occurrences($0, apostrophe apostrophe apostrophe) % 2)
        open_quote = apostrophe apostrophe apostrophe
    }
  ' "$1"
}

# Prints the URL of the store, from the same places as the hub: LONCENG_STORE__URL, DATABASE_URL,
# the configuration file (LONCENG_CONFIG, or config.toml), the default.
store_url() {
  config=${LONCENG_CONFIG:-config.toml}
  [ -f "$config" ] ||
    fail 2 "$config does not exist; run this in the hub's directory, or set LONCENG_CONFIG"
  if [ -n "${LONCENG_STORE__URL+set}" ]; then
    printf '%s\n' "$LONCENG_STORE__URL"
    return
  fi
  if [ -n "${DATABASE_URL:-}" ]; then
    printf '%s\n' "$DATABASE_URL"
    return
  fi
  found=$(read_store_url "$config")
  tab=$(printf '\t')
  text=${found#*"$tab"}
  case $found in
    '') echo sqlite://data/lonceng.db ;;
    "value$tab"*) printf '%s\n' "$text" ;;
    "env$tab"*)
      printenv "$text" || fail 2 "$config: store.url: the environment variable $text is not set"
      ;;
    "file$tab"*)
      [ -f "$text" ] || fail 2 "$config: store.url: the file $text does not exist"
      tr -d '\r\n' <"$text"
      echo
      ;;
    *) fail 2 "$config: store.url is written in a way that this script does not understand; set" \
      "LONCENG_STORE__URL" ;;
  esac
}

# Prints the path of the file of a SQLite URL.
sqlite_path() {
  path=${1#sqlite:}
  path=${path#//}
  path=${path%%\?*}
  case $path in
    '' | :memory:) fail 2 "the store is in memory; there is nothing to back up or restore" ;;
    *%*) fail 2 "the path of the store contains a %, which this script does not support" ;;
  esac
  printf '%s\n' "$path"
}

# Takes the password out of a PostgreSQL URL, because the list of processes shows arguments: sets
# pg_url, and PGPASSWORD for psql, pg_dump and pg_restore.
connect_postgres() {
  split=$(
    URL=$1 LC_ALL=C awk '
      function decoded(text,    at, plain, code) {
        while ((at = index(text, "%")) > 0) {
          code = 16 * (index(digits, tolower(substr(text, at + 1, 1))) - 1)
          code += index(digits, tolower(substr(text, at + 2, 1))) - 1
          plain = plain substr(text, 1, at - 1) sprintf("%c", code)
          text = substr(text, at + 3)
        }
        return plain text
      }
      BEGIN {
        digits = "0123456789abcdef"
        url = ENVIRON["URL"]
        match(url, /^[a-z]+:\/\//)
        scheme = substr(url, 1, RLENGTH)
        rest = substr(url, RLENGTH + 1)
        match(rest, /^[^\/?]*/)
        authority = substr(rest, 1, RLENGTH)
        path = substr(rest, RLENGTH + 1)
        user = ""; password = ""
        if (match(authority, /.*@/)) {
          user = substr(authority, 1, RLENGTH - 1)
          authority = "@" substr(authority, RLENGTH + 1)
          if ((at = index(user, ":")) > 0) {
            password = decoded(substr(user, at + 1))
            user = substr(user, 1, at - 1)
          }
        }
        print scheme user authority path
        print password
      }'
  )
  # shellcheck disable=SC2034
  pg_url=$(printf '%s\n' "$split" | sed -n 1p)
  password=$(printf '%s\n' "$split" | sed -n 2p)
  if [ -n "$password" ]; then
    export PGPASSWORD="$password"
  fi
  export PGAPPNAME="$script"
}

# Returns whether a file is a complete SQLite database: its header, and its size as the header
# states it.
is_sqlite_file() {
  [ "$(dd if="$1" bs=15 count=1 2>/dev/null)" = 'SQLite format 3' ] || return 1
  # Bytes 16 and 17: size of a page (1 stands for 65,536). Bytes 28 to 31: number of pages.
  expected=$(
    od -An -v -tu1 -j16 -N16 "$1" | tr '\n' ' ' | awk '{
      page = $1 * 256 + $2
      if (page == 1) page = 65536
      printf "%.0f", page * ((($13 * 256 + $14) * 256 + $15) * 256 + $16)
    }'
  )
  [ "$(wc -c <"$1" | tr -d ' ')" = "$expected" ]
}
