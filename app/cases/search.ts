import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { normaliseText } from '../http/text.ts';
import type { Case, CaseStatus, Page, Scan } from './case.ts';
import { type CaseStore, toCase } from './store.ts';

const pageSize = 100;
/**
 * A search opens the owner's cases one by one, because their text is stored sealed. It reads this many per request, for
 * these milliseconds of processing and of waiting, and returns a cursor for the rest: a page may hold fewer hits than
 * asked for, or none, and still have a next one.
 */
const maxScanned = 1_000;
const maxWorkMs = 500;
const maxWaitMs = 5_000;

/** The criteria of a search. */
export interface Query {
  readonly text: string;
  readonly status?: CaseStatus | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** Finds an owner's cases whose title or description contains a text, without regard to case, newest first. */
export async function search(
  cases: CaseStore,
  ownerId: string,
  { text, status, limit, cursor }: Query,
  scan: Scan,
): Promise<Page> {
  const wanted = normaliseText(text).toLowerCase();
  const matches = (item: Case) =>
    (status === undefined || item.status === status) &&
    // Stored text is normalised when it is written.
    [item.title, item.description].some((part) => part.toLowerCase().includes(wanted));
  const items: Case[] = [];
  const unreadable: string[] = [];
  const started = performance.now();
  let from = cursor;
  for (let scanned = 0; scanned < maxScanned; scanned += pageSize) {
    const entries = await cases.scan(ownerId, pageSize, from, scan);
    for (const { id, item, cursor: after } of entries) {
      const began = performance.now();
      if (item === 'unreadable') unreadable.push(id);
      else if (item !== undefined && matches(item)) items.push(toCase(item));
      scan.workMs += performance.now() - began;
      from = after;
      if (items.length === limit || scan.workMs > maxWorkMs) return { items, unreadable, next: after };
    }
    if (entries.length < pageSize) return { items, unreadable, next: null };
    if (performance.now() - started > maxWaitMs) break;
    await yieldToOthers();
  }
  return { items, unreadable, next: from ?? null };
}

/** All cases of an owner, a page of lines at a time, as fast as the reader takes them. */
export async function* exportLines(
  cases: CaseStore,
  ownerId: string,
  scan: Scan,
): AsyncGenerator<string, void> {
  let cursor: string | undefined;
  do {
    const page = await cases.list(ownerId, pageSize, cursor, scan);
    if (page.items.length > 0) yield page.items.map((item) => `${JSON.stringify(item)}\n`).join('');
    cursor = page.next ?? undefined;
    await yieldToOthers();
  } while (cursor !== undefined);
}
