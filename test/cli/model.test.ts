import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { modelDigest, readConfig } from '../../src/models/folder.js';
import { writeAdapter } from '../../src/models/lora/folder.js';
import { initAdapter } from '../../src/models/lora/init.js';
import { modulesOf } from '../../src/models/lora/lora.js';
import { parseLines, rlsd, tinyProject } from './cli.js';

describe('an adapter', () => {
  it('is measured over the model that it names, and as the model that it is merged into', async () => {
    const { folder } = tinyProject();
    const model = join(folder, 'model');
    const config = readConfig(model);
    const lora = { rank: 2, alpha: 40, rslora: false, modules: modulesOf(config, ['v_proj', 'down_proj']) };
    const { parameters } = initAdapter(config, lora, 1);
    for (const { data } of parameters.values()) for (let i = 0; i < data.length; i++) data[i] = Math.sin(i);
    const adapter = join(folder, 'adapter');
    writeAdapter(adapter, { lora, parameters }, model);
    const merged = join(folder, 'merged');
    const { stdout } = await rlsd(['model', 'merge', adapter, '--out', merged, '--json']);
    expect(parseLines(stdout)).toMatchObject([{ event: 'summary', modules: 2, digest: modelDigest(merged) }]);
    const again = await rlsd(['model', 'merge', adapter, '--out', merged]);
    expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('the folder is not empty') });

    const answers = async (of: string) => {
      const [to, prompts] = [join(folder, 'answers.jsonl'), join(folder, 'sums.jsonl')];
      const drawn = ['--limit', '4', '--max-tokens', '6', '--answers', to];
      expect(await rlsd(['eval', '--model', of, '--prompts', prompts, ...drawn])).toMatchObject({ code: 0 });
      return readFileSync(to, 'utf8');
    };
    const found = await answers(adapter);
    expect(found).toBe(await answers(merged));
    expect(found).not.toBe(await answers(model));
  });
});
