import type { PromptGenerator } from './generator.js';
import { chainSum, firstWrongNumber } from './tasks/chain-sum.js';

/** The generators that `prompts: { generate: NAME }` can name. A new one is a module and a line here. */
export const generators = {
  'chain-sum': {
    name: 'chain-sum',
    summary: 'Sums and differences of 3 to 6 digits, with the worked solution as trace and its steps as level.',
    generate(request) {
      const { itemId, question, answer, trace, level } = chainSum(request);
      return { id: itemId, question, answer, trace, level };
    },
    firstError: firstWrongNumber,
  },
} satisfies Readonly<Record<string, PromptGenerator>>;

export type GeneratorName = keyof typeof generators;

const isGeneratorName = (name: string): name is GeneratorName => name in generators;

export const generatorNames: readonly GeneratorName[] = Object.keys(generators).filter(isGeneratorName);
