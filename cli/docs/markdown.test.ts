import { expect, test } from 'vitest';
import { anchors, blocks, links, npmScripts } from './markdown.ts';

const text = `# The \`limits\` of it, and more!

See [one](../a.md#b-c), [two](#twice-1), [three](https://example.test/x), ![p](p.svg "title") and \`[no](no.md)\`.

<!-- run: stack -->
\`\`\`sh
npm run status
npm start -- --smoke
\`\`\`

## Twice
<!-- not run: it needs a cluster -->

\`\`\`bash
# Not a heading
npm run -s up -- dev
\`\`\`

\`\`\`json
{}
\`\`\`

## Twice

\`\`\`sh
true
\`\`\`
`;

test('blocks with their marks', () => {
  expect(blocks(text).map(({ line, mark }) => [line, mark])).toEqual([
    [6, { kind: 'stack' }],
    [14, { kind: 'not run', because: 'it needs a cluster' }],
    [25, null],
  ]);
  expect(blocks('<!-- run -->\n```sh\ntrue\n```')[0]).toEqual({
    line: 2,
    code: 'true',
    mark: { kind: 'run' },
  });
});

test('links that stay here, without code', () => {
  expect(links(text)).toEqual([
    { line: 3, path: '../a.md', anchor: 'b-c' },
    { line: 3, path: '', anchor: 'twice-1' },
    { line: 3, path: 'p.svg', anchor: null },
  ]);
});

test('anchors as GitHub makes them', () => {
  expect([...anchors(text)]).toEqual(['the-limits-of-it-and-more', 'twice', 'twice-1']);
});

test('npm scripts that people are told to run', () => {
  expect(npmScripts(text)).toEqual(['status', 'up', 'start']);
});
