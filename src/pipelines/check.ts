import { resolve } from 'node:path';
import { checkDevice } from '../engines/onnx/policy.js';
import { asksTeacher, readsPrivileged } from '../methods/method.js';
import { isAbsent } from '../methods/shape-spec.js';
import { readChatTemplate } from '../models/chat-template.js';
import { readConfig, readParameters } from '../models/folder.js';
import { readTokenizer } from '../models/tokenizer.js';
import { openEmbedder } from '../privileged/embedding/embedder.js';
import { checkKinds, checkWindow } from '../privileged/template/template.js';
import { checkCluster } from '../runs/open-log.js';
import { baseFolder, teacherTemplate } from '../runs/resources.js';
import { openSource } from '../sources/prompts.js';
import { UserError } from '../support/errors.js';
import { createVerifier } from '../verifiers/create.js';
import { checkContext, contextOf, embeddingModels, shownKinds } from './context.js';
import type { Plan } from './plan.js';

export interface CheckOptions {
  /** Folder of a run, whose topics on a cluster are checked too. */
  readonly runFolder?: string;
  /** Whether the prompts are read. Default: true. */
  readonly prompts?: boolean;
  /** Whether the privileged documents are read. Default: true. */
  readonly documents?: boolean;
}

/** Every problem of a plan that can be found without starting it, a line each; empty when it can run. */
export async function checkPlan(plan: Plan, options: CheckOptions = {}): Promise<string[]> {
  const { runFolder, prompts = true, documents = true } = options;
  const { spec, folder, method } = plan;
  const problems: string[] = [];
  const attempt = async (check: () => unknown) => {
    try {
      await check();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problems.push(error.message);
    }
  };
  const demand = (fine: boolean, problem: string) => {
    if (!fine) problems.push(problem);
  };
  const { teach, publish, flow, learn, rollout, steps } = spec;
  const every = publish.every;
  demand(steps % every === 0, `publish.every: found ${every}, expected a divisor of steps (${steps})`);
  demand(
    teach.every % every === 0,
    `teach.every: found ${teach.every}, expected a multiple of publish.every (${every})`,
  );
  demand(
    flow.maxLag >= every - 1,
    `flow.maxLag: found ${flow.maxLag}, expected at least publish.every - 1 (${every - 1})`,
  );
  demand(
    flow.credit === undefined || flow.credit >= learn.prompts,
    `flow.credit: found ${flow.credit}, expected at least learn.prompts (${learn.prompts}): a step's prompts have to be in flight together`,
  );
  demand(
    !readsPrivileged(method) || contextOf(spec).joins.length > 0,
    `privileged: is empty, but the teacher of ${method.name} needs context: expected some of reference, trace`,
  );
  demand(
    !asksTeacher(method) || method.teacher.model === 'self',
    `shape: ${method.name} asks for a separate teacher model, which a pipeline cannot open yet: expected a self-teacher`,
  );
  demand(
    !isAbsent(method),
    `shape: ${method.name} was given as an object by another program: run it from there, or name a module`,
  );
  if (documents) {
    problems.push(...(await checkContext(spec, folder)));
    for (const model of embeddingModels(spec)) await attempt(() => tryEmbedder(resolve(folder, model)));
  }
  await attempt(async () => (await createVerifier(spec.verify, { folder })).close());
  if (prompts) await attempt(() => openSource(spec, folder));
  await attempt(() => checkDevice(spec.model.device));
  await attempt(() => {
    const base = baseFolder(spec, folder);
    const config = readConfig(base);
    const tokenizer = readTokenizer(base, config.vocabSize);
    readChatTemplate(base, tokenizer.specials);
    readParameters(base, config);
    if (!readsPrivileged(method)) return;
    const template = teacherTemplate(spec);
    checkKinds(template, shownKinds(contextOf(spec).joins), 'teach.template');
    checkWindow(
      template,
      {
        countTokens: (text) => tokenizer.encode(text).length,
        contextTokens: teach.contextTokens ?? 0,
        maxTokens: rollout.maxTokens,
        contextLength: config.maxPositionEmbeddings,
      },
      'teach.template',
    );
  });
  return [...problems, ...(await checkCluster(plan, runFolder))];
}

/** A model that cannot embed one word is found before a run starts. */
async function tryEmbedder(folder: string): Promise<void> {
  const embedder = await openEmbedder(folder, 1);
  try {
    await embedder.query('word');
  } finally {
    await embedder.close();
  }
}
