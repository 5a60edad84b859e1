import type { Case, CaseStatus } from './case.ts';
import type { CaseStore, Page } from './store.ts';

const pageSize = 100;
/**
 * Text is stored sealed, so a search opens the owner's cases one by one. It looks at this many per request and hands
 * back a cursor for the rest: an answer may hold fewer hits than asked for, or none, and still have a next page.
 */
const mostScanned = 1_000;

/** What is searched for. */
export interface Query {
  readonly text: string;
  readonly status?: CaseStatus | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** An owner's cases whose title or description contains a text, without regard to case, newest first. */
export async function search(
  cases: CaseStore,
  ownerId: string,
  { text, status, limit, cursor }: Query,
): Promise<Page> {
  const wanted = text.normalize('NFC').toLowerCase();
  const matches = (item: Case) =>
    (status === undefined || item.status === status) &&
    [item.title, item.description].some((part) => part.normalize('NFC').toLowerCase().includes(wanted));
  const items: Case[] = [];
  let from = cursor;
  for (let scanned = 0; scanned < mostScanned; scanned += pageSize) {
    const entries = await cases.scan(ownerId, pageSize, from);
    for (const entry of entries) {
      if (entry.item === undefined || !matches(entry.item)) continue;
      items.push(entry.item);
      if (items.length === limit) return { items, next: entry.cursor };
    }
    if (entries.length < pageSize) return { items, next: null };
    from = entries.at(-1)?.cursor;
  }
  return { items, next: from ?? null };
}

/** All cases of an owner, a page of lines at a time, as fast as the reader takes them. */
export async function* exportLines(cases: CaseStore, ownerId: string): AsyncGenerator<string, void> {
  let cursor: string | undefined;
  do {
    const page: Page = await cases.list(ownerId, pageSize, cursor);
    if (page.items.length > 0) yield page.items.map((item) => `${JSON.stringify(item)}\n`).join('');
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
}
