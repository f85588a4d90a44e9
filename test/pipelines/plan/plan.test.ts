import { identity, map } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { bindEngine } from '../../../src/engines/bind.js';
import { onnxDefinition } from '../../../src/engines/onnx/engine.js';
import { pipeline } from '../../../src/pipelines/plan/builder.js';
import { drawGraph } from '../../../src/pipelines/plan/graph.js';
import { type Plan, planOf } from '../../../src/pipelines/plan/plan.js';
import { checkSpec } from '../../../src/pipelines/spec/parse.js';
import type { PipelineInput } from '../../../src/pipelines/spec/spec.js';

const input: PipelineInput = {
  pipeline: 'sums',
  steps: 4,
  model: { base: 'models/sums' },
  prompts: { generate: 'chain-sum' },
  privileged: ['trace'],
  rollout: { maxTokens: 48 },
  verify: { math: {} },
  shape: 'rlsd',
  learn: { prompts: 2, lr: 1e-4 },
};

describe('planOf', () => {
  it('hands every stage its topics', () => {
    const { stages } = planOf(checkSpec(input), '.');
    expect(stages.map(({ name, input, output }) => `${input} > ${name} > ${output}`)).toEqual([
      'source > ingest > prompts',
      'prompts > rollout > rollouts',
      'rollouts > verify > verdicts',
      'verdicts > teach > teacher-scores',
      'teacher-scores > shape > advantages',
      'advantages > learn > weights',
      'weights > evaluate > metrics',
    ]);
  });
  it('warns of a topic of prompts that no other system can write', () => {
    const prompts = { topic: 'questions' };
    const kafka = { kafka: { brokers: ['a:1'] } };
    const warnings = (change: Partial<PipelineInput>) => planOf(checkSpec({ ...input, ...change }), '.').warnings;
    expect(warnings({ prompts })).toEqual([
      expect.stringMatching(/^prompts\.topic: found questions among embedded topics, .* use topics\.kafka$/),
    ]);
    expect(warnings({ prompts, topics: kafka })).toEqual([]);
    expect(warnings({})).toEqual([]);
  });
  it('has every topic that a stage reads or writes', () => {
    const { stages, topics } = planOf(checkSpec({ ...input, shape: 'grpo' }), '.');
    const names = new Set(topics.map(({ name }) => name));
    for (const stage of stages)
      for (const name of [stage.input, stage.output, ...stage.tables]) expect(names).toContain(name);
    expect(names).not.toContain('teacher-scores');
  });
  it('has stages that look records up behind their transforms', () => {
    const rollout = { ...input.rollout, rounds: 3 };
    const { stages } = planOf(checkSpec({ ...input, rollout, transform: { verdicts: ['dropUniform'] } }), '.');
    expect(stages.map(({ name, tables }) => [name, ...tables])).toEqual([
      ['ingest', 'verdicts.dropUniform'],
      ['rollout', 'weights'],
      ['verify', 'references'],
      ['verdicts.dropUniform'],
      ['teach', 'privileged', 'weights'],
      ['shape'],
      ['learn'],
      ['evaluate'],
    ]);
  });
});

describe('pipeline', () => {
  it('yields the same plan as the file', () => {
    const data = ({ method, store, ...rest }: Plan) => ({ ...rest, method: method.id, store: store.traits });
    expect(data(pipeline(input).plan('.'))).toEqual(data(planOf(checkSpec(input), '.')));
  });
  it("puts a user's operators between a topic and its readers, in their order", () => {
    const { stages } = pipeline(input)
      .transform('verdicts', 'halve', () => map((verdict) => ({ ...verdict, reward: verdict.reward / 2 })))
      .transform('verdicts', 'same', () => identity)
      .plan('.');
    const edge = (name: string) => stages.find((stage) => stage.name === name);
    expect(edge('verdicts.halve')).toMatchObject({ input: 'verdicts', output: 'verdicts.halve' });
    expect(edge('verdicts.halve.same')).toMatchObject({ input: 'verdicts.halve', output: 'verdicts.halve.same' });
    expect(edge('teach')?.input).toBe('verdicts.halve.same');
  });
  it('takes an engine as an object, and records its id', () => {
    const engine = bindEngine(onnxDefinition, { rows: 8 });
    for (const plan of [
      pipeline({ ...input, model: { base: 'model', engine } }).plan('.'),
      pipeline({ ...input, model: { base: 'model' } }, { engine }).plan('.'),
    ]) {
      expect(plan.components.engine).toBe(engine);
      expect(plan.spec.model.engine).toEqual({ object: { id: engine.id } });
    }
  });
  it('refuses an operator behind a topic that the plan does not have', () => {
    const grpo = pipeline({ ...input, shape: 'grpo' });
    expect(() => grpo.transform('teacher-scores', 'x', () => identity).plan()).toThrow(
      /transform\.teacher-scores: the plan has no such topic/,
    );
  });
});

describe('drawGraph', () => {
  const plan = pipeline(input).plan('.');
  it.each(['mermaid', 'dot', 'json'] as const)('draws every stage as %s', (format) => {
    const text = drawGraph(plan, format);
    for (const { name } of plan.stages) expect(text).toContain(name);
  });
  it('shows that the teacher alone reads what is privileged', () => {
    const readers = drawGraph(plan, 'mermaid').match(/topic_privileged\S* -?\.?-?.*/g);
    expect(readers?.filter((line) => line.startsWith('topic_privileged -'))).toEqual([
      'topic_privileged -.-> stage_teach',
    ]);
  });
});
