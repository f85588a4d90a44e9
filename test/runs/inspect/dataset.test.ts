import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, it, onTestFinished } from 'vitest';
import { float32Array, int32Array } from '../../../src/records/arrays.js';
import type { Advantage, TeacherScore } from '../../../src/records/records.js';
import { type TokenRow, tokenRows } from '../../../src/runs/inspect/dataset.js';
import { writeDataset } from '../../../src/runs/inspect/dataset-file.js';
import { withRunFolder } from '../../../src/runs/inspect/run-folder.js';
import { recordsOf } from '../../../src/topics/scan.js';
import { parseLines, rlsd, tinyProject } from '../../cli/cli.js';

it('token rows join what was trained with what the teacher found, and what it was shown where that is asked for', async () => {
  const { file, folder } = tinyProject();
  const run = join(folder, 'run');
  expect((await rlsd(['run', file, '--run', run])).code).toBe(0);
  const idOf = ({ promptId, sampleIndex }: Advantage | TeacherScore) => `${promptId}/${sampleIndex}`;
  await withRunFolder(run, async (opened) => {
    const found = new Map<string, TokenRow>();
    for await (const row of tokenRows(opened)) {
      expect(row).not.toHaveProperty('privileged');
      found.set(row.id, row);
    }
    for await (const record of recordsOf(opened.log, 'advantages'))
      expect(found.get(idOf(record))).toMatchObject({
        completionTokens: [...int32Array(record.completionTokens)],
        tokenAdvantages: [...float32Array(record.tokenAdvantages)],
      });
    let samples = 0;
    for await (const record of recordsOf(opened.log, 'teacher-scores')) {
      samples++;
      const teacher = record.teacherLogprobs && [...float32Array(record.teacherLogprobs)];
      expect(found.get(idOf(record))).toMatchObject({ reward: record.reward, teacherLogprobs: teacher });
    }
    expect(found.size).toBe(samples);
    const { value } = await tokenRows(opened, { showPrivileged: true }).next();
    expect(value).toMatchObject({
      answer: expect.any(String),
      privileged: [{ kind: 'trace', content: expect.any(String) }],
    });
  });
});

describe('a data set', () => {
  const row: TokenRow = {
    ...{ id: "a'/0", step: 3, completion: '7', reward: 1, verdict: 'correct', finishReason: 'stop', policyVersion: 3 },
    messages: [{ role: 'user', content: '3 + 4' }],
    ...{ temperature: 1, advantage: 0.7, promptTokens: [1, 2], completionTokens: [7, 0], mask: [1, 1] },
    samplingLogprobs: [Math.fround(-0.1), 0],
    teacherLogprobs: [Number.NEGATIVE_INFINITY, Math.fround(-1e-7)],
    tokenAdvantages: [Math.fround(0.1), Math.fround(0.7)],
  };

  async function written(name: string, isPrivileged: boolean): Promise<string> {
    const folder = mkdtempSync(join(tmpdir(), "rlsd-data'set-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, name);
    const one = (async function* () {
      yield isPrivileged
        ? { ...row, answer: '7', privileged: [{ id: 't', kind: 'trace', content: '3 + 4 = 7' }] }
        : row;
    })();
    expect(await writeDataset(one, file, { isPrivileged })).toBe(1);
    expect(statSync(file).mode & 0o077).toBe(isPrivileged ? 0 : 0o044);
    return file;
  }

  it.each([false, true])('is JSON lines, of its owner only where it is privileged: %s', async (isPrivileged) => {
    const [found] = parseLines(readFileSync(await written('rows.jsonl', isPrivileged), 'utf8'));
    expect(found).toMatchObject({ ...row, teacherLogprobs: [null, Math.fround(-1e-7)] });
  });

  it.each([false, true])(
    'is Parquet with every float, of its owner only where it is privileged: %s',
    async (isPrivileged) => {
      const file = await written('rows.parquet', isPrivileged);
      const connection = await (await DuckDBInstance.create(':memory:')).connect();
      const read = await connection.runAndReadAll(`SELECT * FROM '${file.replaceAll("'", "''")}'`);
      const [found] = read.getRowObjectsJS();
      connection.closeSync();
      expect(found).toMatchObject({ ...row, ...(isPrivileged && { answer: '7' }) });
      expect(Object.keys(found ?? {}).includes('privileged')).toBe(isPrivileged);
    },
  );
});
