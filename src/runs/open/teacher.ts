import { resolve } from 'node:path';
import { readConfig } from '../../models/folder.js';
import { readTokenizer } from '../../models/tokenizer.js';
import { baseFolder, teacherTemplate } from '../../pipelines/plan/model.js';
import { taskContext } from '../../pipelines/running/context.js';
import type { PipelineSpec } from '../../pipelines/spec/spec.js';
import { byTask, type Task, tasksOf } from '../../pipelines/spec/tasks.js';
import type { Teacher, Teachers } from '../../pipelines/stages/resources.js';
import type { PrivilegedTable } from '../../privileged/documents/table.js';
import { vectorCache } from '../../privileged/embedding/cache.js';
import { type Embedder, openEmbedder } from '../../privileged/embedding/embedder.js';
import { nearestVectors } from '../../privileged/embedding/ranker.js';
import { privilegedStore } from '../../privileged/lookup/lookup.js';
import type { Ranker } from '../../privileged/lookup/ranker.js';
import { renderTeacher } from '../../privileged/template/template.js';
import { seedOf } from '../../support/digest.js';
import { vectorFolder } from './resources.js';

export interface TeacherEnvironment {
  readonly spec: PipelineSpec;
  /** What the spec's paths are relative to. */
  readonly folder: string;
  /** The run's folder. */
  readonly run: string;
  readonly table: PrivilegedTable;
  /** Whether the method compares with another prompt's context. */
  readonly contrasts: boolean;
}

type Closing<T> = T & { close(): Promise<void> };

/** The teachers of all tasks, over the `privileged` topic. */
export async function openTeachers(environment: TeacherEnvironment): Promise<Closing<Teachers>> {
  const { spec, table } = environment;
  const teachers = new Map<string, Closing<Teacher>>();
  const close = async () => void (await Promise.all([...teachers.values()].map((teacher) => teacher.close())));
  try {
    for (const task of tasksOf(spec)) teachers.set(task.name, await openTeacher(task, environment));
  } catch (error) {
    await close();
    throw error;
  }
  const teacherOf = byTask(spec, teachers);
  return {
    of: teacherOf,
    privileged: {
      lookup: async (itemId, question, asOf) => teacherOf(itemId).privileged.lookup(itemId, question, asOf),
    },
    catchUp: table.catchUp,
    close,
  };
}

async function openTeacher(task: Task, environment: TeacherEnvironment): Promise<Closing<Teacher>> {
  const { spec, folder, run, table, contrasts } = environment;
  const template = teacherTemplate(task);
  const base = baseFolder(spec, folder);
  const tokenizer = readTokenizer(base, readConfig(base).vocabSize);
  const { joins, labels } = taskContext(spec, task);
  const { contextTokens, context: shown } = spec.teach;
  const embedders: Embedder[] = [];
  const rankerOf = async (model: string): Promise<Ranker> => {
    const embedder = await openEmbedder(resolve(folder, model));
    embedders.push(embedder);
    return nearestVectors(embedder, vectorCache(vectorFolder(run), embedder.hash));
  };
  const options = {
    joins,
    labels,
    seed: spec.seed,
    rankerOf,
    ...(contextTokens && {
      budget: { tokens: contextTokens, countTokens: (text: string) => tokenizer.encodePlain(text).length },
    }),
  };
  const privileged = await privilegedStore(table, { ...options, shown });
  // Another draw than the control arm's, or there the two contexts would be the same and their contrast always 0.
  const seed = seedOf(spec.seed, 'contrast');
  const shuffled = contrasts && (await privilegedStore(table, { ...options, seed, shown: 'shuffled' }));
  return {
    privileged,
    ...(shuffled && { shuffled }),
    templateHash: template.hash,
    prompt: (messages, context) => ({
      messages: renderTeacher(template, messages, context),
      documents: context.pieces.map(({ id, version, start, end, truncated }) => ({
        id,
        version,
        start,
        end,
        truncated,
      })),
    }),
    async close() {
      await Promise.all(embedders.map((embedder) => embedder.close()));
    },
  };
}
