import type { Sabotage } from './proxy.ts';

/** Building blocks of sabotage: how an answer or a request is changed. Texts are whole HTTP messages. */

/** Removes a header from answers, of one status when it is named. */
export function dropHeader(name: string, status?: number): Sabotage {
  return {
    answer: (text) =>
      isStatus(text, status) ? editHead(text, (head) => head.replace(headerLine(name), '')) : text,
  };
}

/** Sets a header of answers. */
export function setHeader(name: string, value: string, status?: number): Sabotage {
  return {
    answer: (text) =>
      isStatus(text, status)
        ? editHead(text, (head) => `${head.replace(headerLine(name), '')}${name}: ${value}\r\n`)
        : text,
  };
}

/** Turns one status into another where the request is meant. */
export function setStatus(from: number, to: number, meant: RegExp = /^/): Sabotage {
  return {
    answer: (text, request) =>
      isStatus(text, from) && meant.test(request) ? text.replace(/^HTTP\/1\.1 \d+/, `HTTP/1.1 ${to}`) : text,
  };
}

/** Replaces the whole answer where the request is meant. */
export function answerWith(text: string, meant: RegExp): Sabotage {
  return { answer: (original, request) => (meant.test(request) ? text : original) };
}

/** Changes the body of answers; the length follows. */
export function editBody(edit: (body: string, request: string) => string, status?: number): Sabotage {
  return {
    answer(text, request) {
      if (!isStatus(text, status)) return text;
      const at = text.indexOf('\r\n\r\n');
      const body = edit(text.slice(at + 4), request);
      const head = text.slice(0, at + 2).replace(/content-length: \d+/i, `content-length: ${body.length}`);
      return `${head}\r\n${body}`;
    },
  };
}

/** Puts another token into the requests that are meant, or one where there was none. */
export function withToken(token: string, meant: (request: string) => boolean): Sabotage {
  return { request: (text) => (meant(text) ? authorised(text, token) : text) };
}

/** The request with that token as its only authorisation. */
export function authorised(request: string, token: string): string {
  const lines = request.replace(headerLine('authorization', 'g'), '');
  return lines.replace('\r\n', `\r\nAuthorization: Bearer ${token}\r\n`);
}

/** The bearer token of a request; the empty text without one. */
export function tokenOf(request: string): string {
  return /\r\nauthorization: Bearer (\S+)/i.exec(request)?.[1] ?? '';
}

function editHead(text: string, edit: (head: string) => string): string {
  const at = text.indexOf('\r\n\r\n');
  return at < 0 ? text : `${edit(text.slice(0, at + 2))}${text.slice(at + 2)}`;
}

function isStatus(text: string, status: number | undefined): boolean {
  return text.startsWith('HTTP/') && (status === undefined || text.startsWith(`HTTP/1.1 ${status} `));
}

function headerLine(name: string, flags = ''): RegExp {
  return new RegExp(`(?<=\\r\\n)${name}: [^\\r]*\\r\\n`, `i${flags}`);
}
