#!/usr/bin/env bash
# Both commands of README.md on a bare Debian. It takes many minutes and the network, so it runs only when it is asked
# for: WARPFINCH_FRESH=1 ctest --test-dir build -L fresh --verbose
if [[ -z ${WARPFINCH_FRESH:-} ]]; then
  echo "SKIPPED: needs WARPFINCH_FRESH=1, since it builds everything anew in a fresh Debian 12 and 13"
  exit 77
elif [[ $(id -u) -ne 0 ]] || ! command -v debootstrap >/dev/null; then
  echo "SKIPPED: needs root rights and debootstrap"
  exit 77
fi
exec "$(dirname "$0")/../../tools/fresh_machine"
