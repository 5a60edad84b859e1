/** Replies by which a Redis says that it cannot serve now, rather than that the call was wrong. */
const unavailableReplies =
  /^(LOADING|MASTERDOWN|READONLY|OOM|NOREPLICAS|CLUSTERDOWN|TRYAGAIN|MISCONF|NOAUTH|WRONGPASS|BUSY|UNKILLABLE)\b/;

/** What ioredis throws when the connection, not the command, failed. */
const connectionFailures =
  /Connection is closed|Command timed out|Stream isn't writeable|max retries per request|ECONN|EPIPE|ETIMEDOUT|None of startup nodes|ClusterAllFailed|All sentinels are unreachable|Socket timeout/;

/** Whether an error means that the store did not take or answer the call. The call may have been carried out. */
export function isStoreFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error.name === 'ReplyError') return unavailableReplies.test(error.message);
  return connectionFailures.test(error.message) || error.name === 'MaxRetriesPerRequestError';
}
