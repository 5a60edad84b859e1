#!/usr/bin/env bash
# A kubectl credential plugin: exchanges the identity of a GitHub job for a token that the API server accepts. A token lives
# for minutes, and kubectl asks for a new one when it expires.
set -euo pipefail
token=$(curl --fail --silent --show-error --get --data-urlencode "audience=$KUBE_AUDIENCE" \
  --header "Authorization: Bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" "$ACTIONS_ID_TOKEN_REQUEST_URL" | jq -r .value)
jq -n --arg token "$token" '
  ($token | split(".")[1] | gsub("-"; "+") | gsub("_"; "/") | @base64d | fromjson.exp | todate) as $expires |
  {apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential",
   status: {token: $token, expirationTimestamp: $expires}}'
