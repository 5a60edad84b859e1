/** What k6 gives of `console`; its types leave it out. */
declare const console: { log(...values: unknown[]): void; warn(...values: unknown[]): void };
