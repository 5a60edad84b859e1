/** An error that waiting longer does not mend: {@link until} lets it through. */
export class Final extends Error {}

/**
 * Waits until a condition holds; polls twice a second. What the condition throws counts as not yet, but for {@link Final}.
 * @throws Error after the seconds given, with what the condition threw last
 */
export async function until<T>(
  what: string,
  seconds: number,
  condition: () => Promise<T | undefined | false>,
): Promise<T> {
  const end = Date.now() + seconds * 1000;
  let last = '';
  while (Date.now() < end) {
    try {
      const value = await condition();
      if (value) return value;
    } catch (error) {
      if (error instanceof Final) throw error;
      last = (error as Error).message;
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error(`${what}: not within ${seconds} s${last ? ` (${last})` : ''}`);
}
