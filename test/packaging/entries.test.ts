import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const program = fileURLToPath(new URL('loaded-packages.mjs', import.meta.url));
const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
};
const entries = Object.entries(manifest.exports).filter(([, target]) => typeof target !== 'string');

/** Packages with native code, or large ones, that only some of the layers need. */
const heavy = [
  '@duckdb/node-api',
  '@node-rs/crc32',
  'fzstd',
  'html-to-text',
  'kafkajs',
  'lmdb',
  'lz4-napi',
  'mammoth',
  'onnxruntime-node',
  'prom-client',
  'quickjs-emscripten',
  'snappy',
  'typescript',
  'unpdf',
];
const needed: Readonly<Record<string, readonly string[]>> = {
  './topics/kafka': ['@node-rs/crc32', 'fzstd', 'kafkajs', 'lz4-napi', 'snappy'],
};

function loadedBy(entry: string): string[] {
  const specifier = `rlsd-streams${entry.slice(1)}`;
  return JSON.parse(execFileSync(process.execPath, [program, specifier], { encoding: 'utf8' })) as string[];
}

describe('the entry point', () => {
  it.each(entries.map(([entry]) => entry))('%s loads no heavy package that its layer does not need', (entry) => {
    const loaded = loadedBy(entry);
    expect(loaded.filter((name) => heavy.includes(name))).toEqual(needed[entry] ?? []);
  });

  it.each(['./learner', './losses', './methods', './verifiers'])('%s loads no more than zod', (entry) => {
    expect(loadedBy(entry).filter((name) => name !== 'zod')).toEqual([]);
  });

  it.each(['./operators', './transforms'])('%s loads no more than RxJS, zod and the codec', (entry) => {
    expect(loadedBy(entry).filter((name) => name !== 'zod')).toEqual(['avsc', 'rxjs']);
  });

  it('./topics loads no more than Avro and zod', () => {
    expect(loadedBy('./topics')).toEqual(['avsc', 'zod']);
  });
});
