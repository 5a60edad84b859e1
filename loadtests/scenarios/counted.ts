/**
 * The same function, except that an exception is counted before it goes on: k6 logs it and ends the iteration, and no check
 * or count that was never reached can fail.
 */
export function counted<Args extends unknown[]>(
  count: () => void,
  run: (...args: Args) => void,
): (...args: Args) => void {
  return (...args) => {
    try {
      run(...args);
    } catch (error) {
      count();
      throw error;
    }
  };
}
