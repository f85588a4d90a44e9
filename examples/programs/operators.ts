// One step of RLSD from operators alone, over an array of questions: no pipeline file, no topics.
// In a clone: npx tsc -p examples/programs && node examples/programs/operators.js examples
import { join } from 'node:path';
import {
  createLearner,
  createOnnxPolicy,
  createVerifier,
  learn,
  type PrivilegedStore,
  type Prompt,
  parseTemplate,
  renderTeacher,
  rlsd,
  rollout,
  scoreTeacher,
  shapeAdvantage,
  verify,
} from 'rlsd-streams';
import { from, lastValueFrom, map, tap } from 'rxjs';

const tasks = [
  { question: '4 + 3 - 9 =', answer: '-2', trace: '4 + 3 = 7\n7 - 9 = -2' },
  { question: '8 - 5 + 6 - 1 =', answer: '8', trace: '8 - 5 = 3\n3 + 6 = 9\n9 - 1 = 8' },
].map((task, n) => ({ ...task, id: `sum-${n}` }));
const taskOf = (id: string) => {
  const task = tasks.find((one) => one.id === id);
  if (!task) throw new Error(`no task ${id}`);
  return task;
};

const prompts = tasks.map(
  (task, n): Prompt => ({
    run: 'by-hand',
    promptId: task.id,
    itemId: task.id,
    sequence: BigInt(n),
    step: 0,
    messages: [
      { role: 'user', content: `State the final answer to the following arithmetic problem: ${task.question}` },
    ],
    seed: 7n,
    source: 'array',
    level: null,
  }),
);

const folder = join(process.argv[2] ?? 'examples', 'models/arithmetic');
const policy = await createOnnxPolicy({ folder, workers: 1, device: 'cpu' });
await policy.load(0, folder);
const verifier = await createVerifier({ math: {} });
const learner = await createLearner({ folder, threads: 1, settings: { lr: 3e-4 } });

// What the teacher is shown; the student's records have no field for it.
const template = parseTemplate('Worked before: {{ trace }}\n{{ question }}', 'template');
const privileged: PrivilegedStore = {
  lookup: async (id) => ({
    pieces: [
      {
        kind: 'trace',
        id,
        version: '1',
        title: '',
        content: taskOf(id).trace,
        start: 0,
        end: taskOf(id).trace.length,
        truncated: false,
      },
    ],
  }),
};

const method = rlsd({ lambda: 1, weightClip: [0.8, 2] });
const step = await lastValueFrom(
  from(prompts).pipe(
    rollout(policy, {
      group: 8,
      sampling: { temperature: 1, maxTokens: 64 },
      version: async () => ({ version: 0, digest: 'base' }),
    }),
    verify(verifier, { reference: async (id) => ({ answer: taskOf(id).answer, data: null }) }),
    // Your own operator fits between any two.
    map((verdict) => (verdict.finishReason === 'length' ? { ...verdict, reward: verdict.reward / 2 } : verdict)),
    scoreTeacher(policy, method, {
      privileged,
      templateHash: template.hash,
      prompt: (messages, context) => ({ messages: renderTeacher(template, messages, context), documents: [] }),
      version: async () => 0,
    }),
    shapeAdvantage(method),
    tap(({ promptId, sampleIndex, verdict, advantage }) =>
      console.log(`${promptId}/${sampleIndex} ${verdict} advantage ${advantage.toFixed(2)}`),
    ),
    learn(learner, { prompts: prompts.length, maxLag: 0, version: () => 0, onStale: () => {} }),
  ),
);
console.log(`trained on ${step.samples.length} completions, gradient norm ${step.stats.gradientNorm.toFixed(2)}`);
await Promise.all([policy.close(), verifier.close(), learner.close()]);
