import type { z } from 'zod';
import { hashOf } from '../judge.js';
import type { PooledKind } from '../kind.js';
import { moduleSettings, moduleSettingsOf } from './settings.js';

export const module: PooledKind<z.output<typeof moduleSettings>> = {
  name: 'module',
  summary: 'your own function says so',
  settings: moduleSettings,
  runs: 'in the pool',
  quick: false,
  async open(given, { where, folder }) {
    const [{ loadModule, moduleHash }, { judgeByModule }] = await Promise.all([
      import('./load-module.js'),
      import('./judge-module.js'),
    ]);
    const settings = moduleSettingsOf(given, folder);
    const { module, name, seconds, own } = settings;
    const content = [name, seconds, moduleHash(settings, where), ...(Object.keys(own).length > 0 ? [own] : [])];
    let loaded: ReturnType<typeof loadModule> | undefined;
    const load = () => (loaded ??= loadModule(settings, where));
    return {
      hash: hashOf('function', content),
      settings: { ...given, module },
      seconds,
      check: async () => void (await load()),
      // Your function is asked about completions only.
      checkItem: () => {},
      judge: async (question) => judgeByModule(settings, await load(), question),
    };
  },
};
