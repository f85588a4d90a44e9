// Ingesting, re-reading and joining seeded corpora: a quarter of the documents, all, and twice as many; the search by
// embeddings; a table of many rows.
// `npm run build && node bench/privileged.mjs [documents]`
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createBuilder } from '../dist/engines/onnx/graph/builder.js';
import { makeTokenizer } from '../dist/models/bpe.js';
import { privilegedTable } from '../dist/privileged/documents/table.js';
import { openEmbedder } from '../dist/privileged/embedding/embedder.js';
import { nearestVectors } from '../dist/privileged/embedding/ranker.js';
import { privilegedStore } from '../dist/privileged/lookup/lookup.js';
import { itemRecord, privilegedAppend } from '../dist/privileged/records.js';
import { ingest } from '../dist/privileged/sources/ingest.js';
import { seedOf } from '../dist/support/digest.js';
import { openEmbedded } from '../dist/topics/index.js';

const documents = Number(process.argv[2] ?? 1000);
const questions = 2000;

/** A stream of draws below `n` from a 64-bit xorshift, seeded by name. */
function draws(name) {
  let state = seedOf('bench', name) | 1n;
  return (n) => {
    state ^= (state << 13n) & 0xffffffffffffffffn;
    state ^= state >> 7n;
    state ^= (state << 17n) & 0xffffffffffffffffn;
    return Number(state % BigInt(n));
  };
}
// Words by Zipf's law, the k-th with frequency 1 / (k + 2.7): as in prose, ten words are a fifth of the text and most
// are rare.
const syllables = 'ba ce di fo gu ha ke li mo nu pa re si to vu wa xe yi zo'.split(' ');
const vocabulary = Array.from({ length: 30000 }, (_, k) => {
  let word = '';
  for (let n = k + 1; n > 0; n = Math.floor(n / syllables.length)) word += syllables[n % syllables.length];
  return word;
});
let sum = 0;
const shares = Float64Array.from(vocabulary, (_, k) => {
  sum += 1 / (k + 2.7);
  return sum;
});
const zipf = (share) => {
  let low = 0;
  let high = shares.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (shares[middle] < share * sum) low = middle + 1;
    else high = middle;
  }
  return vocabulary[low];
};
const words = (draw, count) => Array.from({ length: count }, () => zipf(draw(1e6) / 1e6)).join(' ');

const timed = async (work) => {
  const cpu = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(cpu);
  return { result, cpu: (user + system) / 1e6 };
};
const line = (name, seconds, rest) => console.log(`  ${name.padEnd(22)} ${seconds.toFixed(2)} s of one core  ${rest}`);
// Memory without mapped files. Mapped pages of the topics' file belong to the page cache, which reclaims them when
// needed, and grow with the corpus: they are shown but do not count.
const mebibytes = () => {
  try {
    const status = readFileSync('/proc/self/status', 'utf8');
    const of = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)[1]) / 1024;
    return { own: of('RssAnon'), mapped: of('RssFile') };
  } catch {
    // Only Linux distinguishes the two.
    const { heapTotal, external } = process.memoryUsage();
    return { own: (heapTotal + external) / 2 ** 20, mapped: Number.NaN };
  }
};

/**
 * @param only measure the ingest alone, for its memory
 * @returns peak memory of the ingest above the start, in MiB, and the floors that were missed
 */
async function measure(documents, only) {
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-bench-privileged-'));
  mkdirSync(join(folder, 'docs'));
  for (let k = 0; k < documents; k++) {
    const draw = draws(`document${k}`);
    const sections = Array.from(
      { length: 20 },
      (_, s) => `# ${words(draw, 3)} ${s}\n\n${words(draw, 75)}.\n\n${words(draw, 75)}.\n\n`,
    );
    writeFileSync(join(folder, 'docs', `document${k}.md`), sections.join(''));
  }
  const log = await openEmbedded(join(folder, 'log'));
  await log.ensureTopics([{ name: 'privileged', partitions: 1, compact: true }]);
  const options = { run: 'bench', sources: [{ files: ['docs/*.md'] }], folder, now: Date.now };
  const table = await privilegedTable(log, { cacheCharacters: 1 << 20 });
  globalThis.gc?.();
  const before = mebibytes();
  let peak = before.own;
  const watch = setInterval(() => {
    peak = Math.max(peak, mebibytes().own);
  }, 10);
  const first = await timed(() => ingest(log, table, options));
  clearInterval(watch);
  const memory = Math.max(peak, mebibytes().own) - before.own;
  const mapped = mebibytes().mapped - before.mapped;
  console.log(`${documents} documents, ${first.result.chunks} chunks`);
  line(
    'ingest',
    first.cpu,
    `floor 60 s; ${memory.toFixed(0)} MiB of memory at most beyond what was there, ${mapped.toFixed(0)} MiB of ` +
      'file mapped',
  );
  if (only) {
    await log.close();
    rmSync(folder, { recursive: true });
    return { memory, missed: [] };
  }
  const again = await timed(() => ingest(log, table, options));
  line('unchanged', again.cpu, `floor 5 s; 1/${(first.cpu / again.cpu).toFixed(0)} of the first`);
  const cold = await timed(async () => ingest(log, await privilegedTable(log), options));
  line('unchanged, restarted', cold.cpu, 'floor 5 s');

  const store = await privilegedStore(table, { joins: [{ search: 4 }], labels: [], shown: 'own', seed: 1 });
  const built = await timed(() => store.lookup('q', words(draws('first'), 12)));
  line('index', built.cpu, 'and its first prompt');
  const joined = await timed(async () => {
    for (let k = 0; k < questions; k++) await store.lookup(`q${k}`, words(draws(`question${k}`), 12));
  });
  const rate = questions / joined.cpu;
  line('join by search', joined.cpu, `${rate.toFixed(0)} prompts/s; floor 500`);
  await log.close();
  rmSync(folder, { recursive: true });
  const missed = [
    [first.cpu > 60, 'ingest'],
    [again.cpu > 5 || cold.cpu > 5, 'unchanged'],
    [rate < 500, 'join by search'],
  ];
  return { memory, missed: missed.filter(([miss]) => miss).map(([, name]) => name) };
}

/**
 * Search by the vectors of a local model, as long as those of a small sentence model, from a model that costs almost
 * nothing.
 */
async function meaning(documents) {
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-bench-meaning-'));
  const dimensions = 384;
  const { files, vocabSize } = makeTokenizer(vocabulary.slice(0, 2000));
  const draw = draws('vectors');
  const builder = createBuilder();
  const table = Array.from({ length: vocabSize * dimensions }, () => draw(2001) / 1000 - 1);
  const tokens = builder.input('input_ids', 'int64', ['batch', 'tokens']);
  const mask = builder.input('attention_mask', 'int64', ['batch', 'tokens']);
  const masked = builder.node('Mul', [tokens, mask]);
  const vectors = builder.node('Gather', [builder.floats(table, [vocabSize, dimensions]), masked]);
  builder.output('last_hidden_state', vectors, ['batch', 'tokens', dimensions]);
  writeFileSync(join(folder, 'model.onnx'), builder.build().model);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  const log = await openEmbedded(join(folder, 'log'));
  await log.ensureTopics([{ name: 'privileged', partitions: 1, compact: true }]);
  const rows = Array.from({ length: documents * 20 }, (_, k) => ({
    ...itemRecord({
      run: 'bench',
      itemId: 'x',
      kind: 'document',
      content: words(draws(`text${k}`), 12),
      source: 's',
      time: 1,
    }),
    documentId: `d${k}`,
    itemId: null,
  }));
  for (let k = 0; k < rows.length; k += 500)
    await log.append(rows.slice(k, k + 500).map((row) => privilegedAppend(row)));
  const embedder = await openEmbedder(folder, 1);
  const store = await privilegedStore(await privilegedTable(log), {
    joins: [{ search: 4, model: 'm' }],
    labels: [],
    shown: 'own',
    seed: 1,
    rankerOf: async () => nearestVectors(embedder),
  });
  const built = await timed(() => store.lookup('q', words(draws('first'), 12)));
  line('vectors, tiny model', built.cpu, `${rows.length} passages of 12 words`);
  const asked = 200;
  const joined = await timed(async () => {
    for (let k = 0; k < asked; k++) await store.lookup(`q${k}`, words(draws(`question${k}`), 12));
  });
  line(
    'join by meaning',
    joined.cpu,
    `${(asked / joined.cpu).toFixed(0)} prompts/s, without the model's own time; no floor`,
  );
  await embedder.close();
  await log.close();
  rmSync(folder, { recursive: true });
}

/**
 * A JSON lines file of references by item. @returns peak heap of its ingest, and of one that finds everything
 * unchanged, in MiB
 */
async function table(rows) {
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-bench-rows-'));
  const file = openSync(join(folder, 'rows.jsonl'), 'w');
  for (let k = 0; k < rows; k++) writeSync(file, `${JSON.stringify({ id: `s${k}`, steps: `${k} `.repeat(30) })}\n`);
  closeSync(file);
  const log = await openEmbedded(join(folder, 'log'));
  await log.ensureTopics([{ name: 'privileged', partitions: 1, compact: true }]);
  const options = {
    run: 'bench',
    sources: [{ keyed: 'rows.jsonl', key: 'id', trace: 'steps' }],
    folder,
    now: Date.now,
  };
  const known = await privilegedTable(log, { cacheCharacters: 1 << 20, cacheRecords: 5000 });
  const before = mebibytes().own;
  let peak = before;
  const watch = setInterval(() => {
    peak = Math.max(peak, mebibytes().own);
  }, 10);
  const first = await timed(() => ingest(log, known, options));
  const again = await timed(() => ingest(log, known, options));
  clearInterval(watch);
  const memory = peak - before;
  line(
    `${rows} rows`,
    first.cpu,
    `unchanged ${again.cpu.toFixed(2)} s; ${memory.toFixed(0)} MiB of memory at most beyond what was there`,
  );
  await log.close();
  rmSync(folder, { recursive: true });
  return { memory, missed: [] };
}

// Each in its own process: the heap that one leaves would hide what the next one needs.
const alone = (count, mode) => {
  // A small heap, so that memory is what is needed and not what has not been collected yet.
  const heap = mode === 'memory' || mode === 'rows' ? ['--max-old-space-size=48', '--max-semi-space-size=2'] : [];
  const args = [...heap, '--expose-gc', fileURLToPath(import.meta.url), String(count), mode];
  const lines = execFileSync(process.execPath, args, { encoding: 'utf8' }).trim().split('\n');
  console.log(lines.slice(0, -1).join('\n'));
  return JSON.parse(lines.at(-1) ?? '{}');
};

const mode = process.argv[3];
if (mode === 'meaning') {
  await meaning(documents);
  console.log('{}');
} else if (mode === 'rows') console.log(JSON.stringify(await table(documents)));
else if (mode) console.log(JSON.stringify(await measure(documents, mode === 'memory')));
else {
  const { missed } = alone(documents, 'all');
  console.log('a heap of 48 MiB at most:');
  const [small, all, twice] = [documents / 4, documents, documents * 2].map((count) => alone(count, 'memory').memory);
  console.log(
    `memory of the ingest: ${(all / small).toFixed(2)} times for four times the documents, ` +
      `${(twice / all).toFixed(2)} times for twice as many again; floor 1.5`,
  );
  if (twice > 1.5 * all) missed.push('flat memory');
  const [few, many] = [documents * 30, documents * 300];
  const [tenth, whole] = [few, many].map((count) => alone(count, 'rows').memory);
  const each = ((whole - tenth) * 2 ** 20) / (many - few);
  console.log(`memory of a table's ingest: ${each.toFixed(0)} bytes a row beyond the first ${few}; floor 250`);
  if (each > 250) missed.push('memory of a table');
  alone(documents, 'meaning');
  for (const name of missed) console.log(`floor missed: ${name}`);
  process.exitCode = missed.length === 0 ? 0 : 1;
}
