// What is fuzzed: each target reads its input as a run does. It may refuse it by a `UserError`; anything else that it
// throws is a finding, and so is an input that it accepts although it is damaged (`Unnoticed`).
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pack } from 'tar-stream';
import { readChatTemplate } from '../../dist/models/chat-template.js';
import { fileDigest, readSafetensors, writeSafetensors } from '../../dist/models/safetensors.js';
import { readTokenizer } from '../../dist/models/tokenizer.js';
import { readSpec } from '../../dist/pipelines/spec/parse.js';
import { readYaml } from '../../dist/pipelines/spec/read-yaml.js';
import { extractText, loadReader } from '../../dist/privileged/sources/extract.js';
import { codecFor, schemaTopics } from '../../dist/records/codec.js';
import { importRun } from '../../dist/runs/bundle/import.js';
import { encodeSegment, writersOf } from '../../dist/runs/bundle/segment.js';
import { digest } from '../../dist/support/digest.js';
import { UserError } from '../../dist/support/errors.js';
import { parseExact } from '../../dist/support/exact-json.js';
import { toAppend } from '../../dist/topics/record-codec.js';
import { lineVerifiers } from '../../dist/verifiers/lines.js';

/** A damaged input that was taken for a sound one. */
export class Unnoticed extends Error {}

const root = new URL('../../', import.meta.url).pathname;
const examples = readdirSync(join(root, 'examples')).filter((name) => name.endsWith('.yaml'));
const files = (folder, pattern) =>
  readdirSync(join(root, folder), { recursive: true })
    .map(String)
    .filter((name) => pattern.test(name))
    .map((name) => readFileSync(join(root, folder, name)));
const model = join(root, 'examples/models/arithmetic');

/** @param scratch a folder of the target's own */
export const targets = {
  spec: (scratch) => {
    const file = join(scratch, 'pipeline.yaml');
    return {
      seeds: examples.map((name) => readFileSync(join(root, 'examples', name))),
      run(bytes) {
        writeFileSync(file, bytes);
        readSpec(file);
      },
    };
  },
  set: () => ({
    seeds: ['learn.lr=1e-3', 'shape={ rlsd: { lambda: 1 } }', 'transform.rollouts=[./a.mjs]', 'topics=embedded'].map(
      (text) => Buffer.from(text),
    ),
    run: (bytes) => void readSpec(join(root, 'examples/arithmetic.yaml'), [bytes.toString()]),
  }),
  records: () => {
    const topics = schemaTopics().map(codecFor);
    const seeds = [
      Buffer.from(codecFor('prompts').encode(prompt(1))),
      Buffer.from(codecFor('weights').encode(weights)),
    ];
    return {
      seeds,
      run(bytes) {
        for (const codec of topics) {
          let record;
          try {
            record = codec.decode(bytes);
          } catch (error) {
            // A stage makes a dead letter of what cannot be decoded, whatever the reason.
            if (error instanceof Error) continue;
            throw error;
          }
          codec.decode(codec.encode(record));
        }
      },
    };
  },
  bundles: async (scratch) => {
    const sound = await bundle();
    let n = 0;
    return {
      seeds: [sound],
      async run(bytes) {
        const [file, to] = [join(scratch, 'b.tar'), join(scratch, `run${n++}`)];
        writeFileSync(file, bytes);
        try {
          const { records } = await importRun(file, to);
          if (records.prompts !== PROMPTS) throw new Unnoticed(`imported ${records.prompts} prompts`);
        } finally {
          rmSync(to, { recursive: true, force: true });
          const left = readdirSync(scratch).filter((name) => name !== 'b.tar');
          // biome-ignore lint/correctness/noUnsafeFinally: what is left behind is the finding, whatever came before
          if (left.length > 0) throw new Unnoticed(`left behind: ${left.join(', ')}`);
        }
      },
    };
  },
  safetensors: (scratch) => {
    const [whole, file] = [join(scratch, 'whole'), join(scratch, 'model.safetensors')];
    const tensors = new Map([
      ['a', { shape: [2, 3], data: Float32Array.from([1, 2, 3, 4, 5, 6]) }],
      ['b', { shape: [], data: Float32Array.of(0.5) }],
      ['c', { shape: [0, 4], data: new Float32Array() }],
    ]);
    writeSafetensors(whole, tensors, { metadata: { format: 'pt' } });
    const seed = readFileSync(whole);
    const expected = createHash('sha256').update(seed).digest('hex');
    return {
      seeds: [seed],
      run(bytes) {
        writeFileSync(file, bytes);
        readSafetensors(file);
        // With its digest, nothing but the file itself is taken.
        if (bytes.equals(seed)) return;
        const hash = createHash('sha256');
        readSafetensors(file, hash);
        if (hash.digest('hex') === expected) throw new Unnoticed('another file has the digest of the sound one');
        if (fileDigest(file) === expected) throw new Unnoticed('another file has the digest of the sound one');
      },
    };
  },
  tokenizer: (scratch) => {
    const names = ['tokenizer.json', 'tokenizer_config.json'];
    const { vocab_size: vocabSize } = JSON.parse(readFileSync(join(model, 'config.json'), 'utf8'));
    const seeds = names.map((name) => readFileSync(join(model, name)));
    let n = 0;
    return {
      seeds,
      run(bytes) {
        // One of the two files is mutated, the other as it was.
        const changed = seeds.findIndex((seed) => seed.equals(bytes)) < 0 ? n++ % 2 : -1;
        for (const [i, name] of names.entries()) writeFileSync(join(scratch, name), i === changed ? bytes : seeds[i]);
        const tokenizer = readTokenizer(scratch, vocabSize);
        tokenizer.decode(Int32Array.from(tokenizer.encodePlain('12 + 3 = \ud800é😀')));
      },
    };
  },
  template: (scratch) => {
    const tokenizer = readTokenizer(model, JSON.parse(readFileSync(join(model, 'config.json'), 'utf8')).vocab_size);
    const conversation = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: '1 + 1?' },
    ];
    return {
      seeds: [
        Buffer.from(TEMPLATE),
        Buffer.from(JSON.parse(readFileSync(join(model, 'tokenizer_config.json'), 'utf8')).chat_template),
      ],
      run(bytes) {
        writeFileSync(join(scratch, 'chat_template.jinja'), bytes);
        readChatTemplate(scratch, tokenizer).encode(conversation, {
          addGenerationPrompt: true,
          date: { year: 2026, month: 11, day: 30 },
        });
      },
    };
  },
  documents: async () => {
    const kinds = ['html', 'md', 'csv', 'txt', 'tex', 'json', 'docx', 'pdf'];
    for (const kind of kinds) await loadReader(`a.${kind}`)?.catch(() => {});
    const seeds = [Buffer.from(HTML), ...files('docs', /(replay|cli)\.md$/), Buffer.from('a,b\n1,"2\n3"\n')];
    let n = 0;
    return {
      seeds,
      run: (bytes) => extractText(`a.${kinds[n++ % kinds.length]}`, bytes, []),
    };
  },
  lines: () => ({
    seeds: [
      '{"id":1,"gold":"\\\\frac{1}{2}","answer":"the answer is \\\\boxed{0.5}"}',
      '{"id":"a","gold":"x^2 + 2x + 1","answer":"(x+1)^2"}',
      '{"id":"b","gold":"[0, 1)","answer":"\\\\left[0,1\\\\right)","answer_kind":"interval"}',
      '{"id":"c","gold":"3 \\\\text{ or } -3","answer":"\\\\pm 3"}',
    ].map((text) => Buffer.from(text)),
    async run(bytes) {
      let value;
      try {
        value = parseExact(bytes.toString(), { keep: 'digits' });
      } catch (error) {
        // Said with the line's number: not JSON.
        if (error instanceof SyntaxError || error instanceof UserError) return;
        throw error;
      }
      await lineVerifiers.math(value, 'stdin', 1);
    },
  }),
};

const PROMPTS = 12;
const prompt = (n) => ({
  run: 'tiny-1',
  promptId: `p${n}`,
  itemId: `i${n}`,
  sequence: BigInt(n),
  step: 0,
  messages: [{ role: 'user', content: `${n} + 1 =` }],
  seed: 7n,
  source: 'sums.jsonl:1',
  level: null,
});
const weights = {
  ...{ run: 'tiny-1', version: 1, parent: 0, step: 0, digest: 'ab'.repeat(32) },
  ...{ offsets: [], location: 'weights/v000001', chunk: null },
};

/** A small bundle, as an export writes it. */
async function bundle() {
  const appends = Array.from({ length: PROMPTS }, (_, n) => toAppend('prompts', prompt(n)));
  const records = appends.map(({ headers = {}, ...append }, n) => {
    return { ...append, headers, partition: 0, offset: BigInt(n), timestamp: 1 };
  });
  const [writer] = writersOf('prompts').values();
  const { data } = readYaml(join(root, 'examples/arithmetic.yaml'));
  const any = Object.fromEntries(['model', 'transform', 'schemas', 'versions', 'machine'].map((name) => [name, {}]));
  const manifest = { ...any, ...{ format: 1, run: 'tiny-1', folder: '/x', verifier: 'v', prompts: 'p', spec: data } };
  const topics = [{ name: 'prompts', partitions: 1, bounds: [{ start: '0', end: String(PROMPTS) }] }];
  const index = { format: 1, run: 'tiny-1', from: 'embedded', privileged: true, folder: '', topics, groups: [] };
  const entries = [
    ['bundle.json', JSON.stringify(index)],
    ['manifest.json', JSON.stringify(manifest)],
    [`topics/prompts/0/${'0'.repeat(20)}.avro`, await encodeSegment(records, writer)],
    ['inputs/sums.jsonl', '{"id":"s1","question":"1 + 1 =","answer":"2"}\n'],
  ];
  const sha = (content) => createHash('sha256').update(content).digest('hex');
  const names = digest(...entries.flatMap(([name, content]) => [name, sha(content)]));
  entries.push(['end.json', JSON.stringify({ entries: entries.length, names, records: { prompts: PROMPTS } })]);
  const tar = pack();
  const parts = [];
  tar.on('data', (part) => parts.push(part));
  for (const [name, content] of entries) {
    const bytes = Buffer.from(content);
    tar.entry({ name, size: bytes.length, pax: { comment: `sha256 ${sha(bytes)}` } }, bytes);
  }
  tar.finalize();
  await new Promise((resolve) => tar.once('end', resolve));
  return Buffer.concat(parts);
}

const TEMPLATE =
  "{% for m in messages %}{{ '<' ~ m['role'] | upper ~ '>' }}{{ m.content | trim }}{% if not loop.last %}\\n{% " +
  'endif %}' +
  "{% endfor %}{% if add_generation_prompt %}{{ strftime_now('%d %b %Y') }}{% endif %}";
const HTML =
  '<!doctype html><title>Pump</title><h1>Pump</h1><p>Set <b>0.2&nbsp;mm</b>.</p><table><tr><th>a<td>1</table>' +
  '<ul><li>one<li>two</ul><pre>x = 1</pre><math><mfrac><mn>1</mn><mn>2</mn></mfrac></math>';
