#!/usr/bin/env bash
# Installs the other programs of this suite, each in the versions that are pinned beside it: npm and PyPI packages and the Go
# program below this folder, Debian's packages on the machine. What is there already is left as it is. A part that cannot be
# installed is named, and its programs fail in the run; the exit code is the number of such parts.
set -uo pipefail
cd "$(dirname "$0")" || exit 1
installed=$PWD/.installed
mkdir -p "$installed"
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT

npm_packages() {
  # The lock file that npm writes last says what is there.
  [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --ignore-scripts --no-fund --no-audit --loglevel=error
}

# In one call, so that the lists of packages are read once.
debian_packages() {
  local wanted=(
    apache2 libapache2-mod-auth-openidc libapache2-mod-auth-mellon
    simplesamlphp libapache2-mod-php php-xml php-mbstring xmlsec1 openssl
  )
  dpkg-query -W -f '${Status}\n' "${wanted[@]}" 2>/dev/null | grep -c '^install ok installed$' | grep -qx "${#wanted[@]}" && return 0
  [ "$(id -u)" = 0 ] || { echo 'packages are missing, and only root may install them'; return 1; }
  # RUNLEVEL=1 keeps the install scripts from starting a server of their own.
  apt-get update -qq &&
    DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${wanted[@]}"
}

python_packages() {
  local venv=$installed/venv wanted=$log/requirements.txt
  sort -u peers/authlib/requirements.txt saml/pysaml2/requirements.txt >"$wanted"
  cmp -s "$wanted" "$venv/requirements.txt" && return 0
  rm -rf "$venv"
  python3 -m venv "$venv" &&
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$wanted" &&
    cp "$wanted" "$venv/requirements.txt"
}

go_program() {
  (cd peers/go-oidc && CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS='-mod=readonly -buildvcs=false' go build -o "$installed/go-oidc" .)
}

failed=0
parts=(npm_packages debian_packages python_packages go_program)
declare -A pids
for part in "${parts[@]}"; do
  "$part" >"$log/$part" 2>&1 &
  pids[$part]=$!
done
for part in "${parts[@]}"; do
  if wait "${pids[$part]}"; then echo "$part: installed"; else
    failed=$((failed + 1))
    echo "$part: FAILED"
    tail -n 20 "$log/$part"
  fi
done
exit "$failed"
