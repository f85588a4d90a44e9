// The embedded log against a bare LMDB loop of the same records and transactions, and the codec, in one run.
//   npm run build && node bench/topics.mjs
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import { codecFor, float32Bytes, int32Bytes, openEmbedded } from '../dist/topics/index.js';

const size = 1024;
const batch = 100;
const transactions = 400;
const rounds = 3;
const floor = 100_000;
const value = new Uint8Array(size).fill(7);
const total = batch * transactions;

async function inFolder(action) {
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-bench-'));
  try {
    return await action(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function seconds(action) {
  const start = performance.now();
  await action();
  return (performance.now() - start) / 1000;
}

const bare = (folder) => {
  const db = open({
    path: folder,
    noSubdir: false,
    encoding: 'binary',
    keyEncoding: 'binary',
    overlappingSync: false,
  });
  const key = (offset) => {
    const bytes = Buffer.allocUnsafe(17);
    bytes.fill(0, 0, 9);
    bytes.writeBigUInt64BE(BigInt(offset), 9);
    return bytes;
  };
  let offset = 0;
  return {
    append: async () =>
      db.transactionSync(() => {
        for (let i = 0; i < batch; i++) db.put(key(offset++), value);
      }),
    scan: async () => {
      let count = 0;
      for (let from = 0; from < total; from += batch)
        count += [...db.getRange({ start: key(from), limit: batch })].length;
      if (count !== total) throw new Error(`scanned ${count} of ${total}`);
    },
    close: () => db.close(),
  };
};

const embedded = async (folder) => {
  const log = await openEmbedded(folder);
  await log.ensureTopics([{ name: 'in', partitions: 1 }]);
  const appends = Array.from({ length: batch }, (_, i) => ({ topic: 'in', key: `prompt-${i}`, value }));
  return {
    append: () => log.append(appends),
    scan: async () => {
      let from = 0n;
      for (
        let page = await log.read('in', 0, from, batch);
        page.length > 0;
        page = await log.read('in', 0, from, batch)
      ) {
        from = page[page.length - 1].offset + 1n;
      }
      if (from !== BigInt(total)) throw new Error(`scanned ${from} of ${total}`);
    },
    close: () => log.close(),
  };
};

// Transactions alternate, so that other work on the machine slows both alike; the best round counts.
const best = { bare: { append: 0, scan: 0 }, embedded: { append: 0, scan: 0 } };
for (let round = 0; round < rounds; round++) {
  await inFolder(async (folder) => {
    const logs = { bare: bare(join(folder, 'bare')), embedded: await embedded(join(folder, 'embedded')) };
    const spent = { bare: 0, embedded: 0 };
    for (let i = 0; i < transactions; i++) {
      for (const name of Object.keys(logs)) spent[name] += await seconds(logs[name].append);
    }
    for (const [name, log] of Object.entries(logs)) {
      best[name].append = Math.max(best[name].append, total / spent[name]);
      best[name].scan = Math.max(best[name].scan, total / (await seconds(log.scan)));
      await log.close();
    }
  });
}

const tokens = Int32Array.from({ length: 128 }, (_, i) => i * 31);
/** @type {import('../dist/records/records.js').Rollout} */
const rollout = {
  run: 'bench',
  promptId: 'p-1',
  itemId: 'i-1',
  sequence: 1n,
  step: 0,
  messages: [{ role: 'user', content: '1 + 2 + 3 = ?' }],
  sampleIndex: 0,
  groupSize: 8,
  policyVersion: 3,
  policyDigest: 'a'.repeat(64),
  seed: 7n,
  templateHash: 'b'.repeat(64),
  temperature: 1,
  promptDigest: 'c'.repeat(64),
  promptTokens: int32Bytes(tokens.subarray(0, 32)),
  completionTokens: int32Bytes(tokens),
  samplingLogprobs: float32Bytes(new Float32Array(128).fill(-0.5)),
  completion: '1 + 2 = 3; 3 + 3 = 6',
  finishReason: 'stop',
};
const { encode, decode } = codecFor('rollouts');
const bytes = encode(rollout);
const rate = async (action) => {
  let fastest = 0;
  for (let round = 0; round < rounds + 1; round++) {
    const n = 20_000;
    fastest = Math.max(
      fastest,
      n /
        (await seconds(async () => {
          for (let i = 0; i < n; i++) action();
        })),
    );
  }
  return Math.round(fastest);
};

const report = {
  bench: 'topics',
  appendsPerSecond: Math.round(best.embedded.append),
  appendsOfBareLmdb: Number((best.embedded.append / best.bare.append).toFixed(2)),
  scansPerSecond: Math.round(best.embedded.scan),
  scansOfBareLmdb: Number((best.embedded.scan / best.bare.scan).toFixed(2)),
  floor,
  rolloutBytes: bytes.byteLength,
  encodesPerSecond: await rate(() => encode(rollout)),
  decodesPerSecond: await rate(() => decode(bytes)),
};
console.log(JSON.stringify(report));
// Where the disk itself is slower than the floor, most of what it can do is required.
const asked = Math.min(floor, Math.round(0.7 * best.bare.append));
if (report.appendsPerSecond < asked) {
  console.error(`topics: ${report.appendsPerSecond} records of 1 KiB a second; expected ${asked}`);
  process.exitCode = 1;
}
