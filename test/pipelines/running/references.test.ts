import { describe, expect, it } from 'vitest';
import { referenceTable } from '../../../src/pipelines/running/references.js';
import { toAppend } from '../../../src/topics/record-codec.js';
import { memoryLog } from '../../privileged/memory-log.js';

const reference = (itemId: string) => toAppend('references', { run: 'r', itemId, answer: '5', data: null, hash: 'h' });

describe('the table of references', () => {
  it('finds what was written after it was opened, and says what is missing', async () => {
    const log = memoryLog();
    await log.ensureTopics([{ name: 'references', partitions: 4, compact: true }]);
    const find = referenceTable(log);
    await expect(find('a')).rejects.toMatchObject({ code: 'no-reference', message: expect.stringContaining('item a') });
    await log.append([reference('a')]);
    expect((await find('a')).answer).toBe('5');
  });

  it('waits for a reference whose transaction is not readable yet, while its prompt already is', async () => {
    const log = memoryLog();
    await log.ensureTopics([{ name: 'references', partitions: 4, compact: true }]);
    const find = referenceTable(log);
    log.openTransaction([reference('a')]);
    expect((await Promise.all([find('a'), find('a')])).map(({ itemId }) => itemId)).toEqual(['a', 'a']);
  });

  it('reads the topic a few times for many that miss at once, and finds where it begins only once', async () => {
    const log = memoryLog();
    await log.ensureTopics([{ name: 'references', partitions: 1, compact: true }]);
    const items = Array.from({ length: 500 }, (_, i) => `item${i}`);
    await log.append(items.map(reference));
    const calls = { describe: 0, read: 0 };
    const find = referenceTable({
      ...log,
      describe: () => {
        calls.describe++;
        return log.describe();
      },
      read: (...wanted) => {
        calls.read++;
        return log.read(...wanted);
      },
    });
    expect((await Promise.all(items.map(find))).map(({ itemId }) => itemId)).toEqual(items);
    await expect(find('none')).rejects.toThrow('item none');
    expect(calls).toEqual({ describe: 1, read: 4 });
  });

  it('recovers from a failed lookup', async () => {
    const log = memoryLog();
    await log.ensureTopics([{ name: 'references', partitions: 1, compact: true }]);
    let fails = true;
    const find = referenceTable({
      ...log,
      read: async (...wanted) => {
        if (fails) throw new Error('no broker');
        return log.read(...wanted);
      },
    });
    await log.append([reference('a')]);
    await expect(find('a')).rejects.toThrow('no broker');
    fails = false;
    expect((await find('a')).itemId).toBe('a');
  });
});
