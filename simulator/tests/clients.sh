# Twilio's published clients, which test the simulator from outside. Part of ./dev, which sources it.
# shellcheck shell=bash disable=SC2154 # its variables are dev's

# Twilio's published Python client, which tests the simulator from outside: https://pypi.org/project/twilio/
need_twilio_client() {
  local home="$HERALD_PG_HOME/twilio-client" wanted=simulator/tests/python/requirements.txt
  need_pip
  ! cmp -s -- "$wanted" "$home/.prepared" || return 0
  say "installing $(sed -n 's/^\(twilio==[^ ]*\).*/\1/p' "$wanted")"
  rm -rf -- "$home"
  quietly "$PYTHON" -m pip install --quiet --no-deps --require-hashes --only-binary=:all: --target "$home" -r "$wanted"
  cp -- "$wanted" "$home/.prepared"
}

# Twilio's published Node client, with which one example of docs/SIMULATOR.md is run where npm is at hand.
need_twilio_node() {
  local home="$HERALD_PG_HOME/twilio-node" wanted=simulator/tests/node/package-lock.json
  ! cmp -s -- "$wanted" "$home/.prepared" || return 0
  say "installing Twilio's Node client"
  rm -rf -- "$home"
  mkdir -- "$home"
  cp -- simulator/tests/node/*.json "$home"
  quietly npm ci --prefix "$home" --ignore-scripts --no-audit --no-fund
  cp -- "$wanted" "$home/.prepared"
}

twilio_client_tests() {
  need_pip
  PYTHONPATH="$HERALD_PG_HOME/twilio-client" PYTHONDONTWRITEBYTECODE=1 \
    "$PYTHON" -W error::ResourceWarning -m unittest discover --verbose --start-directory simulator/tests/python
}
