#!/usr/bin/env bash
# The tools that deploy/ and .github/ are checked with, built from their sources by Go, pinned.
#
#   scripts/deploy-tools.sh          build what is missing, and print the folder
#   scripts/deploy-tools.sh where    only print the folder
#
# Needs Go, which checks every module against Go's public checksums. Building takes minutes, once.
# Exit code 3: Go is missing.
#
#   BUYSIGNAL_DEPLOY_TOOLS   where they lie   (~/.cache/buysignal/deploy-tools)
set -euo pipefail

tools=(
  helm.sh/helm/v3/cmd/helm@v3.22.0
  github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
  github.com/prometheus/prometheus/cmd/promtool@v0.316.0
)
folder=${BUYSIGNAL_DEPLOY_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/buysignal/deploy-tools}

build() {
  command -v go >/dev/null || { echo "deploy-tools.sh: 'go' is not installed, and it is needed" >&2; exit 3; }
  mkdir -p "$folder"
  local tool version name
  for tool in "${tools[@]}"; do
    version=${tool#*@} name=$(basename "${tool%@*}")
    [[ -x $folder/$name && $(cat "$folder/$name.version" 2>/dev/null) == "$version" ]] && continue
    echo "deploy-tools.sh: building $name $version" >&2
    # Prometheus' tool without what finds servers in clouds: its configuration here needs Kubernetes alone.
    (cd / && GOBIN=$folder go install -trimpath -ldflags='-s -w' -tags remove_all_sd,enable_kubernetes_sd "$tool")
    echo "$version" >"$folder/$name.version"
  done
}

case ${1:-build} in
  build) build; echo "$folder" ;;
  where) echo "$folder" ;;
  *) sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
