/**
 * The deadlines of a request, from which the service's listeners and the edge derive their own.
 * Pure: the service and the edge's configuration load this file.
 */

/** Milliseconds until the headers, then the whole request, must have arrived; later the sender gets 408. */
export const headersTimeout = 10_000;
export const requestTimeout = 15_000;

/** Milliseconds from the headers of the request to those of the answer, else 503. Longer than a body may take. */
export const handlerTimeout = 20_000;

/** Milliseconds from the request to the last byte of its answer; a reader that is slower is cut. */
export const answerTimeout = 60_000;

/** Milliseconds that an idle connection is kept. Longer than an edge keeps its own, so that the edge closes first. */
export const keepAliveTimeout = 75_000;

/** Seconds from which on a trace counts as slow: the service and the collector keep every slow trace. */
export const slowTraceSeconds = 0.25;
