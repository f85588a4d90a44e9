// A pipeline in TypeScript with an operator of your own between two stages, checked, drawn and run for two steps.
// In a clone: npx tsc -p examples/programs && node examples/programs/plan.js examples
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkPlan, drawGraph, pipeline } from 'rlsd-streams/pipelines';
import { runPipeline } from 'rlsd-streams/runs';
import { map } from 'rxjs';

const plan = pipeline({
  pipeline: 'sums',
  seed: 7,
  steps: 2,
  model: { base: 'models/arithmetic' },
  prompts: { generate: 'chain-sum', heldOut: 16 },
  privileged: ['trace'],
  rollout: { group: 4, maxTokens: 64 },
  verify: { math: {} },
  teach: { template: 'Worked before: {{ trace }}\n{{ question }}' },
  shape: { rlsd: { lambda: 1, weightClip: [0.8, 2] } },
  learn: { prompts: 4, lr: 3e-4 },
})
  .transform('verdicts', 'half-marks', () =>
    map((verdict) => (verdict.finishReason === 'length' ? { ...verdict, reward: verdict.reward / 2 } : verdict)),
  )
  .plan(process.argv[2] ?? 'examples');

const problems = await checkPlan(plan);
if (problems.length > 0) throw new Error(problems.join('\n'));
console.log(drawGraph(plan, 'mermaid').split('\n').slice(0, 9).join('\n'));

const summary = await runPipeline({ plan, folder: mkdtempSync(join(tmpdir(), 'rlsd-plan-')) });
console.log(`${summary.steps} steps, ${summary.records['verdicts.half-marks']} verdicts went through half-marks`);
