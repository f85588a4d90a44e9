import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbedded } from '../../../src/topics/embedded/index.js';
import { conformance } from '../conformance.js';

conformance('embedded', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-topics-'));
  let log = await openEmbedded(folder);
  return {
    log,
    async reopen() {
      await log.close();
      log = await openEmbedded(folder);
      return log;
    },
    async cleanup() {
      await log.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
});
