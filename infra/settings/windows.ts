/** Placeholder replaced by slo/index.ts once it exists. */
export const longestWindowSeconds = 30 * 86_400;
export const shortestWindowSeconds = 300;
