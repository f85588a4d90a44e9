// Topics in one file of JSON lines, one line per transaction, to look at with `tail` and `jq`:
//
//   tail -n 1 runs/sums-1/topics/topics.jsonl | jq '.appends[] | [.topic, .key]'
//
// A line is written whole or not at all, so what a stage writes and what it has read are committed together. The topics
// are also in memory: take the embedded store for more than a few hundred megabytes.
import { UserError } from 'rlsd-streams';
import { defineTopicStore, FencedError, partitionOf, TopicMismatchError } from 'rlsd-streams/topics';
import { z } from 'zod';
import { openFile } from './file.mjs';
import { joinGroup } from './group.mjs';

export default defineTopicStore({
  name: 'json-lines',
  summary: 'Topics in one file of JSON lines.',
  settings: z.strictObject({
    partitions: z.int().min(1).default(1).describe('Partitions of the topics between prompts and advantages.'),
  }),
  traits: ({ partitions }) => ({ multiProcess: false, location: 'folder', partitions, weights: 'folder' }),
  open: async (_, { folder }, { readOnly = false }) => openLog(folder, readOnly),
});

function openLog(folder, readOnly) {
  const file = openFile(folder, readOnly);
  const topics = new Map();
  const committed = new Map();
  const groups = new Map();
  const waiting = new Set();

  /** Reads what has been written since the last call, by this process or by another. */
  function refresh() {
    for (const line of file.newLines()) apply(line);
  }

  function apply({ topics: specs = [], appends = [], offsets = [], time }) {
    for (const spec of specs) topics.set(spec.name, newTopic(spec));
    for (const { topic, key, value, headers } of appends) store(topics.get(topic), { key, value, headers, time });
    for (const { group, topic, partition, offset } of offsets)
      committed.set(`${group}/${topic}/${partition}`, BigInt(offset));
  }

  /** Writes a transaction, then applies it. Returns the position after each record. */
  function write({ specs = [], appends = [], offsets = [] }) {
    const at = appends.map(({ topic: name, key }) => {
      const topic = topicOf(name);
      return topic.partitions[partitionOf(key, topic.spec.partitions)];
    });
    file.append({ topics: specs, appends: appends.map(encode), offsets: offsets.map(encodeOffset), time: Date.now() });
    const next = new Map(at.map((partition) => [partition, partition.end]));
    refresh();
    for (const wake of waiting) wake();
    return appends.map(({ topic }, i) => {
      const offset = next.get(at[i]) + 1n;
      next.set(at[i], offset);
      return { topic, partition: at[i].number, offset };
    });
  }

  function topicOf(name) {
    const topic = topics.get(name);
    if (topic) return topic;
    const known = [...topics.keys()].join(', ') || 'none';
    throw new UserError('unknown-topic', `topic ${JSON.stringify(name)} does not exist; there are ${known}`);
  }

  function partitionAt(name, number) {
    const partition = topicOf(name).partitions[number];
    if (partition) return partition;
    throw new UserError('unknown-partition', `topic ${name}: partition ${number} does not exist`);
  }

  function read(name, number, from, max) {
    const { records, end } = partitionAt(name, number);
    const found = [];
    for (let offset = from; offset < end && found.length < max; offset++) {
      const record = records.get(offset);
      if (record) found.push(record);
    }
    return found;
  }

  const startOf = ({ records, end }) => records.keys().next().value ?? end;
  const committedOf = (group, name) =>
    topicOf(name).partitions.map((partition) => {
      const offset = committed.get(`${group}/${name}/${partition.number}`) ?? startOf(partition);
      return { topic: name, partition: partition.number, offset };
    });

  refresh();
  return {
    async ensureTopics(specs) {
      const wrong = specs.flatMap((spec) => differences(spec, topics.get(spec.name)?.spec));
      if (wrong.length > 0) throw new TopicMismatchError(wrong.join('\n'));
      const missing = specs.filter(({ name }) => !topics.has(name));
      if (missing.length > 0) write({ specs: missing });
    },
    async describe() {
      refresh();
      return [...topics.values()].map(({ spec, partitions }) => ({
        ...spec,
        bounds: partitions.map((partition) => ({ start: startOf(partition), end: partition.end })),
      }));
    },
    append: async (appends) => write({ appends }),
    async read(name, number, from, max) {
      refresh();
      return read(name, number, from, max);
    },
    /** A transaction is one line, so that all of it becomes readable at once. */
    async settled() {},
    async offsetAt(name, number, timestamp) {
      refresh();
      const { records, end } = partitionAt(name, number);
      return [...records.values()].find((record) => record.timestamp >= timestamp)?.offset ?? end;
    },
    async committed(group, name) {
      refresh();
      return committedOf(group, name);
    },
    async consumer(group, names) {
      for (const name of names) topicOf(name);
      const members = groups.get(group) ?? [];
      groups.set(group, members);
      const partitionsOf = (name) => topicOf(name).partitions.map(({ number }) => number);
      return joinGroup(members, {
        topics: names,
        partitionsOf,
        read,
        committed: (name) => committedOf(group, name),
        commit({ appends, offsets }, lost) {
          if (lost.length > 0)
            throw new FencedError(`group ${group}: this member no longer owns ${lost.join(', ')}; nothing was written`);
          write({ appends, offsets: offsets.map((position) => ({ group, ...position })) });
        },
        wait: (ms, signal) => nextWrite(waiting, ms, signal),
      });
    },
    close: async () => file.close(),
  };
}

const newTopic = (spec) => ({
  spec,
  partitions: Array.from({ length: spec.partitions }, (_, number) => ({
    number,
    records: new Map(),
    newest: new Map(),
    end: 0n,
  })),
});

/** Adds a record to its partition; compaction and retention then drop what they no longer keep. */
function store({ spec, partitions }, { key, value, headers, time }) {
  const partition = partitions[partitionOf(key, spec.partitions)];
  const { records, newest, number } = partition;
  const offset = partition.end++;
  const bytes = value === null ? null : new Uint8Array(Buffer.from(value, 'base64'));
  records.set(offset, { topic: spec.name, partition: number, offset, timestamp: time, key, value: bytes, headers });
  if (spec.compact) {
    records.delete(newest.get(key));
    newest.set(key, offset);
  }
  if (spec.retention) retain(records, spec.retention, time);
}

function retain(records, { ms = Number.POSITIVE_INFINITY, bytes = Number.POSITIVE_INFINITY }, now) {
  const sizeOf = ({ value }) => value?.byteLength ?? 0;
  let total = [...records.values()].reduce((sum, record) => sum + sizeOf(record), 0);
  for (const record of records.values()) {
    if (records.size === 1 || (total <= bytes && record.timestamp >= now - ms)) return;
    records.delete(record.offset);
    total -= sizeOf(record);
  }
}

const encode = ({ topic, key, value, headers = {} }) => ({
  topic,
  key,
  value: value === null ? null : Buffer.from(value).toString('base64'),
  headers,
});
const encodeOffset = ({ group, topic, partition, offset }) => ({ group, topic, partition, offset: `${offset}` });

/** One line for each setting in which a topic differs from what is asked for. */
function differences(asked, found) {
  if (!found) return [];
  const settings = ({ partitions, compact = false, retention = {} }) => ({
    partitions,
    compact,
    'retention.ms': retention.ms ?? 'none',
    'retention.bytes': retention.bytes ?? 'none',
  });
  const there = settings(found);
  return Object.entries(settings(asked))
    .filter(([name, value]) => there[name] !== value)
    .map(([name, value]) => `topic ${asked.name}: ${name} is ${there[name]}, expected ${value}`);
}

/** Resolves at the next write, after `ms`, or when the signal aborts. */
function nextWrite(waiting, ms, signal) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      waiting.delete(done);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    waiting.add(done);
    signal?.addEventListener('abort', done);
  });
}
