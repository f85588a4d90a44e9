import { z } from 'zod';
import type { Sampling } from '../policy.js';
import { requestFields, serverFields } from '../served/settings.js';

export const openaiSettings = z.strictObject({
  ...serverFields,
  logprobs: z
    .enum(['raw', 'processed'])
    .default('raw')
    .describe(
      "What the servers' log-probabilities are of: `raw`, the model's distribution under temperature 1; `processed`, " +
        'the one that is drawn from, under temperature and truncation.',
    ),
  ...requestFields,
});

export type OpenAiSettings = z.output<typeof openaiSettings>;

/** Why the log-probabilities would not be those before truncation under the temperature of the draw. */
export function samplingProblem(
  { temperature, topK, topP = 1, minP = 0 }: Sampling,
  logprobs: OpenAiSettings['logprobs'],
): string | undefined {
  const isTempered = temperature !== 0 && temperature !== 1;
  if (logprobs === 'raw' && isTempered)
    return (
      `rollout.temperature: found ${temperature}, but the servers give log-probabilities of temperature 1 ` +
      '(model.engine.openai.logprobs: raw); expected temperature 1'
    );
  if (logprobs === 'processed' && (topK !== undefined || topP < 1 || minP > 0))
    return (
      'rollout: found topK, topP or minP, but the servers give log-probabilities after truncation ' +
      '(model.engine.openai.logprobs: processed); expected none of them'
    );
  return undefined;
}
