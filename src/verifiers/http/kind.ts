import type { LocalKind } from '../kind.js';
import { type HttpSettings, httpSettings } from './settings.js';

export const http: LocalKind<HttpSettings> = {
  name: 'http',
  summary: 'your own service says so',
  settings: httpSettings,
  runs: 'here',
  open: async (settings, { where, folder }) =>
    (await import('./verifier.js')).createHttpVerifier(settings, { where, folder }),
};
