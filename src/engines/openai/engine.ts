import { UserError } from '../../support/errors.js';
import { defineEngine } from '../bind.js';
import type { Capabilities, CheckOptions } from '../engine.js';
import { devices } from '../onnx/policy.js';
import { addressesOf } from '../served/settings.js';
import { openTextSide } from '../served/text.js';
import { modelOf, openOpenAiPolicy } from './policy.js';
import { type OpenAiSettings, openaiSettings, samplingProblem } from './settings.js';

const capabilities: Capabilities = {
  samples: true,
  scores: 'none',
  trains: false,
  adapters: false,
  images: false,
  bitReproducible: false,
  devices,
  weights: 'none',
};

/** Samples on servers with OpenAI's completions interface that take and give token ids. */
export const openaiDefinition = defineEngine({
  name: 'openai',
  summary: 'Samples on servers with the completions interface of OpenAI, such as that of llama.cpp; nothing else.',
  settings: openaiSettings,
  reach: Object.keys(openaiSettings.shape).filter((field) => field !== 'model' && field !== 'logprobs'),
  create: (settings) => ({
    capabilities,
    check: (options) => problemsOf(settings, options),
    openPolicy: (options) => openOpenAiPolicy(settings, options),
  }),
});

async function problemsOf(settings: OpenAiSettings, options: CheckOptions): Promise<string[]> {
  try {
    const { conversations = [], sampling } = options;
    const text = openTextSide(
      { ...options, date: () => '2026-01-01' },
      ({ maxPositionEmbeddings }) => maxPositionEmbeddings,
    );
    for (const messages of conversations) text.policy.encodePrompt(messages);
    const problem = sampling && samplingProblem(sampling, settings.logprobs);
    await Promise.all(addressesOf(settings, 'model.engine.openai').map((url) => modelOf(url, settings)));
    return problem === undefined ? [] : [problem];
  } catch (error) {
    return [error instanceof UserError ? error.message : (error as Error).message];
  }
}
