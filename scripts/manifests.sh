#!/usr/bin/env bash
# The chart as plain manifests, for clusters without Helm: deploy/kubernetes/buysignal.yaml.
#
#   scripts/manifests.sh          write it
#   scripts/manifests.sh print    only print it
#
# Needs Helm 3 (scripts/deploy-tools.sh builds it). Exit code 3: it is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

PATH=$(scripts/deploy-tools.sh where):$PATH
command -v helm >/dev/null || { echo "manifests.sh: 'helm' is not there; run scripts/deploy-tools.sh" >&2; exit 3; }

render() {
  echo "# Written by scripts/manifests.sh from deploy/helm/buysignal and values.yaml beside this file: change those."
  helm template buysignal deploy/helm/buysignal --namespace buysignal --kube-version 1.34.0 \
    --values deploy/kubernetes/values.yaml
}

case ${1:-write} in
  write) render >deploy/kubernetes/buysignal.yaml ;;
  print) render ;;
  *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
