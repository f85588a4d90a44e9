import { z } from 'zod';
import { readChatTemplate } from '../../models/chat-template.js';
import { checkParameters, readConfig } from '../../models/folder.js';
import { readTokenizer } from '../../models/tokenizer.js';
import { UserError } from '../../support/errors.js';
import { calendarDate } from '../../support/jinja/index.js';
import { defineEngine } from '../bind.js';
import type { Capabilities, CheckOptions } from '../engine.js';
import { createOnnxPolicy, devices } from './policy.js';
import { requireRuntime } from './runtime.js';

const capabilities: Capabilities = {
  samples: true,
  scores: 'topK',
  trains: true,
  adapters: true,
  images: false,
  bitReproducible: true,
  devices,
  weights: 'folder',
};

/** Samples, scores and trains Llama, Mistral, Qwen and Gemma models in float32 on ONNX Runtime, in threads. */
export const onnxDefinition = defineEngine({
  name: 'onnx',
  summary: 'Llama, Mistral, Qwen and Gemma models in float32 on ONNX Runtime, in threads of this process.',
  settings: z.strictObject({
    rows: z
      .int()
      .min(1)
      .default(64)
      .describe('Sequences that one worker decodes at once; fewer where their caches would take more than 256 MiB.'),
  }),
  create: ({ rows }) => ({
    capabilities,
    check: problemsOf,
    openPolicy: (options) => createOnnxPolicy({ ...options, rows }),
  }),
});

/** What keeps a model folder from being run: its architecture, tokenizer, chat template or weights. */
function problemsOf({ folder, conversations = [], template: given }: CheckOptions): string[] {
  try {
    requireRuntime();
    const config = readConfig(folder);
    const template = readChatTemplate(folder, readTokenizer(folder, config.vocabSize), given);
    const date = calendarDate('2026-01-01');
    for (const messages of conversations) template.encode(messages, { addGenerationPrompt: true, date });
    checkParameters(folder, config);
    return [];
  } catch (error) {
    if (error instanceof UserError) return [error.message];
    throw error;
  }
}
