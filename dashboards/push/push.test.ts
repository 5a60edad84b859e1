import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { boards } from '../index.ts';
import { pictures } from '../preview/grafana.ts';
import { main as preview } from '../preview/main.ts';
import { main } from './main.ts';

/**
 * Against a small stand-in of Grafana's HTTP API (folders, dashboards, rendered pictures), since a Grafana cannot be had
 * here: it keeps what a Grafana would, and answers with its status codes.
 */
let server: Server;
let url: string;
let directory: string;
let tokenFile: string;
const folders = new Map<string, string>();
const saved = new Map<
  string,
  { dashboard: { id: unknown; title: string }; folderUid: string; message: string }
>();
let answer: number | undefined;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'push-'));
  tokenFile = join(directory, 'token');
  writeFileSync(tokenFile, 'secret-token\n');
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString()) : {};
      const reply = (status: number, content: object) => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(content));
      };
      if (request.headers.authorization !== 'Bearer secret-token') reply(401, { message: 'Unauthorized' });
      else if (answer === 200) response.end('<html>of a proxy</html>');
      else if (answer !== undefined) reply(answer, {});
      else if (request.url === '/api/folders') {
        const known = folders.has(body.uid);
        folders.set(body.uid, body.title);
        reply(known ? 409 : 200, {});
      } else if (request.url === '/api/dashboards/db') {
        saved.set(body.dashboard.uid, body);
        reply(200, { uid: body.dashboard.uid, url: `/d/${body.dashboard.uid}/x` });
      } else if (request.url?.startsWith('/render/d/'))
        response.writeHead(200, { 'content-type': 'image/png' }).end(Buffer.from([0x89, 0x50]));
      else reply(404, {});
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
});
afterAll(() => {
  server.close();
  rmSync(directory, { recursive: true, force: true });
});
beforeEach(() => {
  answer = undefined;
});

const push = async (...args: string[]) => {
  const lines: string[] = [];
  const code = await main({ args, print: (line) => lines.push(line) }, tokenFile);
  return { code, text: lines.join('\n') };
};

describe('dashboards:push', () => {
  it('makes the folder and writes every dashboard, and again over what is there', async () => {
    for (const round of [1, 2]) {
      expect(await push('--grafana', url, '--message', `round ${round}`)).toMatchObject({ code: 0 });
      expect(folders.get('simple378')).toBe('Simple378');
      expect([...saved.keys()].sort()).toEqual(boards.map(({ uid }) => uid).sort());
      expect(saved.get('simple378')).toMatchObject({
        folderUid: 'simple378',
        message: `round ${round}`,
        dashboard: { id: null, title: 'Simple378 Application Dashboard' },
      });
    }
  });

  it('only says what it would do', async () => {
    saved.clear();
    expect((await push('--grafana', url, '--dry-run')).text).toContain('would write simple378');
    expect(saved.size).toBe(0);
  });

  it.each([
    [401, 'GRAFANA_TOKEN_FILE'],
    [403, 'role Editor'],
    [412, 'a provisioned dashboard of this uid is there'],
    [500, 'Grafana answered 500'],
  ])('explains %s without showing the token', async (status, words) => {
    answer = status;
    const { code, text } = await push('--grafana', url);
    expect(code).toBe(2);
    expect(text).toContain(words);
    expect(text).not.toContain('secret-token');
  });

  it('names the dashboard by its uid where an answer says no address, and takes a path with a slash', async () => {
    answer = 200;
    const { code, text } = await push('--grafana', `${url}/`);
    expect(code).toBe(0);
    expect(text).toMatch(/\/d\/simple378$/m);
  });

  it('refuses an address with credentials, none, and unknown options', async () => {
    expect(await push('--grafana', 'https://admin:pw@grafana.test')).toMatchObject({ code: 2 });
    expect(await push()).toMatchObject({ code: 2 });
    expect(await push('--force')).toMatchObject({ code: 2 });
    expect((await push('--help')).code).toBe(0);
    expect((await push('--grafana', 'http://127.0.0.1:1')).text).toContain('no answer from Grafana');
  });

  it('lets the preview take its pictures from a Grafana', async () => {
    process.env.GRAFANA_TOKEN_FILE = tokenFile;
    const lines: string[] = [];
    const args = ['--grafana', url, '--output', directory];
    expect(await preview({ args, print: (line) => lines.push(line) })).toBe(0);
    expect(lines).toContain(join(directory, 'simple378.png'));
    expect(await pictures(`${url}/`, ['a'], { output: directory, minutes: 5 })).toEqual([
      join(directory, 'a.png'),
    ]);
    delete process.env.GRAFANA_TOKEN_FILE;
    expect(await preview({ args, print: (line) => lines.push(line) })).toBe(2);
    expect(lines.at(-1)).toContain('image renderer');
  });
});
