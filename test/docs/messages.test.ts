import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { read, root } from './markdown.js';

const code = readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => read(`src/${file}`))
  .join('\n');

/** The fixed parts of a message: `no answer from …: ENOTFOUND` has two. */
const partsOf = (message: string): string[] => message.split(/…|[:,] /).filter((part) => part.trim().length > 6);

it('messages under Troubleshooting in docs/kafka.md are those of the code', () => {
  const section = read('docs/kafka.md').split('## Troubleshooting')[1]?.split('\n## ')[0] ?? '';
  const cells = [...section.matchAll(/^\| ([^|]+) \|/gm)].map(([, cell = '']) => cell);
  const messages = cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, message = '']) => message));
  expect(messages.length).toBeGreaterThan(15);
  const missing = messages
    .flatMap(partsOf)
    .filter((part) => !code.includes(part.trim()) && !/^E[A-Z]+$/.test(part.trim()));
  expect(missing).toEqual([]);
});
