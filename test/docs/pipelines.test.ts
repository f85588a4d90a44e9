import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { experimentSchema } from '../../src/compare/experiment.js';
import { checkSpec } from '../../src/pipelines/spec/parse.js';
import { superviseSchema } from '../../src/supervise/spec.js';
import { blocksOf, pages, read } from './markdown.js';

const example = parse(read('examples/arithmetic.yaml')) as Record<string, unknown>;
const isMap = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** A block as an experiment or a pipeline: fields that it leaves out are those of the arithmetic example. */
function checkBlock(text: string): void {
  const found: unknown = parse(text);
  if (found === null) return;
  if (!isMap(found)) throw new Error(`expected fields of a pipeline, found ${text}`);
  if ('experiment' in found) {
    experimentSchema.parse(found);
    return;
  }
  if ('supervise' in found) {
    superviseSchema.parse(found);
    return;
  }
  const warn = (warning: string) => {
    throw new Error(warning);
  };
  // Tasks have their own prompts.
  const { prompts, ...fields } = example;
  const rest = 'tasks' in found ? fields : { ...fields, prompts };
  checkSpec('pipeline' in found ? found : { ...rest, ...found }, { warn });
}

describe('YAML in the guides', () => {
  // Those of the Helm chart are its values, which test/deploy/helm.test.ts renders.
  const guides = pages.filter((page) => page !== 'docs/kubernetes.md');
  const blocks = guides.flatMap(blocksOf).filter(({ language }) => language === 'yaml');

  it.each(blocks.map(({ at, text }) => [at, text]))(
    '%s is an experiment, a base model, a pipeline or part of one',
    (_, text) => {
      expect(() => checkBlock(text)).not.toThrow();
    },
  );

  it('is refused where a field is misspelt or has been renamed', () => {
    expect(() => checkBlock('learn: { promts: 2, lr: 1.0e-4 }')).toThrow(/promts/);
    expect(() => checkBlock('learn: { prompts: 2, lr: 1.0e-4, decay: linear }')).toThrow(/learn\.schedule/);
  });
});
