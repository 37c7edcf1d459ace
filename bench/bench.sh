# What `./dev bench` needs beside the rest: release builds, and other queues to compare with. Part of ./dev, which sources it.
# shellcheck shell=bash disable=SC2154 # its variables are dev's

# The benchmarks, with all they need; arguments are the program's own (`./dev bench --help`).
bench() {
  local name wanted=()
  for name in "$@"; do [[ $name == -* ]] || wanted+=("$name"); done
  need_postgres 15
  need_pgrx 15
  locked install_extension 15 release
  say "building the daemon and the benchmarks"
  cargo build --quiet --release --bins -p herald-dispatcher -p herald-bench
  export HERALD_BIN="$CARGO_TARGET_DIR/release/herald" HERALD_BENCH_RESULTS="$CARGO_TARGET_DIR/bench"
  if wants instructions; then need_packages valgrind; fi
  if wants daemon || wants latency || wants snapshot; then need_peers; fi
  "$CARGO_TARGET_DIR/release/herald-bench" "$@"
}

# wants NAME: whether that benchmark is among the wanted ones; no names are all names.
wants() { [[ ${#wanted[@]} -eq 0 || " ${wanted[*]} " == *" $1 "* ]]; }

# The Node programs that drive other queues: optional, as npm is.
need_peers() {
  local home="$HERALD_PG_HOME/peers" file
  if ! command -v npm >/dev/null; then
    say "no npm here: graphile-worker and pg-boss are left out"
    return 0
  fi
  locked install_peers "$home"
  for file in bench/peers/*.mjs; do cp -- "$file" "$home"; done
  export HERALD_BENCH_PEERS="$home"
}

install_peers() {
  local home=$1 lock=bench/peers/package-lock.json
  ! cmp -s -- "$lock" "$home/.prepared" || return 0
  say "installing graphile-worker, pg-boss and a Node that they run on"
  rm -rf -- "$home"
  mkdir -- "$home"
  cp -- bench/peers/package.json "$lock" "$home"
  quietly npm ci --prefix "$home" --ignore-scripts --no-audit --no-fund
  cp -- "$lock" "$home/.prepared"
}
