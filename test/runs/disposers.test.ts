import { expect, it } from 'vitest';
import { newDisposers } from '../../src/runs/disposers.js';

it('closes what was opened last first, each once', async () => {
  const closed: string[] = [];
  const disposers = newDisposers();
  disposers.use({ close: () => closed.push('log') });
  disposers.add(async () => closed.push('stages'));
  await disposers.dispose();
  await disposers.dispose();
  expect(closed).toEqual(['stages', 'log']);
});

it('closes the rest after a failure, and throws the first one', async () => {
  const closed: string[] = [];
  const disposers = newDisposers();
  disposers.add(() => closed.push('log'));
  disposers.add(() => Promise.reject(new Error('second')));
  disposers.add(() => Promise.reject(new Error('first')));
  await expect(disposers.dispose()).rejects.toThrow('first');
  expect(closed).toEqual(['log']);
});
