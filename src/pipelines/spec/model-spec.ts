import { z } from 'zod';
import { engineSchema } from '../../engines/engine-spec.js';
import { projections } from '../../models/lora/lora.js';
import { upTo } from './bounds.js';

const text = z.string().min(1);

const lora = z
  .strictObject({
    rank: upTo(4096).optional().describe("Rank of the adapters. Default: 16, or the adapter's."),
    alpha: z
      .number()
      .positive()
      .max(1_000_000)
      .optional()
      .describe('What an adapter adds is multiplied by alpha / rank. Default: twice the rank.'),
    targets: z
      .union([z.literal('all'), z.array(z.enum(projections)).min(1)])
      .optional()
      .describe('Projections with an adapter, in all layers. Default: all seven.'),
    rslora: z.boolean().optional().describe('Multiply by alpha / sqrt(rank) instead. Default: false.'),
    adapter: text
      .optional()
      .describe("Folder of an adapter in PEFT's layout to begin with; fields next to it must agree with it."),
  })
  .describe('Train low-rank adapters over the frozen base; the weights topic then carries the adapter alone.');

/** The `model` section. */
export const modelSchema = z.strictObject({
  base: text.describe('Folder of the base model, in Hugging Face layout.'),
  engine: engineSchema().default('onnx'),
  device: text.default('cpu').describe('Device that the engine runs the model on.'),
  workers: upTo(1024).optional().describe('Parallel workers that sample and score. Default: one per core, at most 8.'),
  template: text
    .optional()
    .describe('Chat template, Jinja or a file with it, in place of the one in the model folder.'),
  lora: lora.optional(),
});
