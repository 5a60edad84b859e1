/** What the objectives ask of Prometheus: how long it keeps samples, and how often it scrapes. */
export { longestWindowSeconds, shortestWindowSeconds } from '../../slo/index.ts';
