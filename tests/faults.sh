# The sending protocol under faults: short in `./dev test faults`, long in `./dev soak`. Part of ./dev, which sources it.
# shellcheck shell=bash disable=SC2154 # its variables are dev's

# faults_form FORM THREADS: the fault tests, whose figures go into a fresh file.
faults_form() {
  export HERALD_FAULTS_FIGURES="$LOGS/faults.jsonl"
  rm -f -- "$HERALD_FAULTS_FIGURES"
  HERALD_FAULTS=$1 cargo test -p herald-tests --test faults -- --test-threads="$2"
}

faults_figures() { stack figures "$LOGS/faults.jsonl"; }

test_faults() {
  mkdir -p -- "$LOGS"
  need_stack
  need_packages libfaketime
  step 'faults (docs/FAULTS.md)' faults_form short "${RUST_TEST_THREADS:-4}"
  [[ ! -s $LOGS/faults.jsonl ]] || faults_figures
}

# soak [N]: N random histories of the protocol without I/O, then the real parts under faults, and the figures in docs/FAULTS.md.
soak() {
  local histories=${1:-1000000} log="$LOGS/soak.log"
  mkdir -p -- "$LOGS"
  need_stack
  need_packages libfaketime
  HERALD_HISTORIES="$histories" cargo test -p herald-dispatcher --bin herald no_history_sends_twice
  faults_form long "${RUST_TEST_THREADS:-3}" 2>&1 | tee -- "$log"
  faults_figures | tee -- "$LOGS/faults.md"
  write_figures "$histories"
}

# write_figures HISTORIES: puts the table between the two marks of docs/FAULTS.md.
write_figures() {
  local page=docs/FAULTS.md
  {
    sed '/<!-- figures -->/q' "$page"
    printf '\n./dev soak %s on %s: %s processors, %s, %s, commit %s.\n\n' "$1" "$(date -u +%F)" "$(nproc)" \
      "$("$HERALD_PG_HOME/pg15/bin/postgres" --version)" "$(rustc --version | cut -d ' ' -f 1,2)" "$(git rev-parse --short HEAD)"
    cat -- "$LOGS/faults.md"
    printf '\n'
    sed -n '/<!-- end of figures -->/,$p' "$page"
  } >"$page.new"
  mv -- "$page.new" "$page"
}
