import { defineEngine } from '../bind.js';
import type { Capabilities } from '../engine.js';
import { devices } from '../onnx/policy.js';
import { openVllmPolicy } from './policy.js';
import { problemsOf } from './probe.js';
import { vllmSettings } from './settings.js';

const capabilities: Capabilities = {
  samples: true,
  scores: 'topK',
  // The embedded engine trains; the servers take what it publishes.
  trains: true,
  adapters: true,
  images: false,
  bitReproducible: false,
  devices,
  weights: 'folder',
};

/** Samples and scores on vLLM servers; the embedded engine trains. */
export const vllmDefinition = defineEngine({
  name: 'vllm',
  summary: 'Samples and scores on vLLM servers, which take new weights while they run; the embedded engine trains.',
  settings: vllmSettings,
  reach: Object.keys(vllmSettings.shape).filter((field) => field !== 'model'),
  create: (settings) => ({
    capabilities,
    check: (options) => problemsOf(settings, options),
    openPolicy: (options) => openVllmPolicy(settings, options),
  }),
});
