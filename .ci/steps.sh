# What .ci/run is made of; it sources this.

# Colours would stand before the counts that are looked for below.
unset FORCE_COLOR

# Names what begins, and how long all before it took.
step() { printf '\n== %s (after %d s)\n' "$1" "$SECONDS"; }

# Runs a command, with all that it starts, for so many minutes at most: what hangs is named and ended.
within() {
  local minutes=$1 status=0
  shift
  timeout --kill-after=30 "${minutes}m" bash -eo pipefail -c "$*" </dev/null || status=$?
  if [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then
    echo "ended after $minutes minutes: $*" >&2
  fi
  return "$status"
}

# Runs commands beside each other, each for so many minutes at most; shows what each printed, and fails if one of them does.
together() {
  local minutes=$1 status=0 outputs running=() one
  shift
  outputs=$(mktemp -d)
  for one in "$@"; do
    within "$minutes" "$one" >"$outputs/${#running[@]}" 2>&1 &
    running+=($!)
  done
  for one in "${!running[@]}"; do
    wait "${running[one]}" || status=$?
    cat "$outputs/$one"
  done
  rm -r "$outputs"
  return "$status"
}

test_counts=""

# Runs a command that runs Jest. Jest counts a suite that it skipped as passed; here nothing may be
# skipped, and a command that counts no tests has tested nothing.
tests() {
  local minutes=$1 found
  shift
  within "$minutes" "{ $*; } 2>&1 | tee test-output.log"
  found=$(grep -E '^(Tests|Test Suites):' test-output.log) || {
    echo "no tests were counted: $*" >&2
    return 1
  }
  if grep -Eq 'skipped|todo' <<<"$found"; then
    echo "a test was skipped: $*" >&2
    return 1
  fi
  test_counts+="$found"$'\n'
}

# All that were counted.
counts() { printf '%s' "$test_counts"; }
