import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readsPrivileged } from '../../methods/method.js';
import { readChatTemplate } from '../../models/chat-template.js';
import { readConfig } from '../../models/folder.js';
import { readTokenizer } from '../../models/tokenizer.js';
import type { DataCheck } from '../../pipelines/plan/check-data.js';
import { baseFolder, chatTemplateOf } from '../../pipelines/plan/model.js';
import { type Plan, planOf } from '../../pipelines/plan/plan.js';
import { ingestContext, taskContext } from '../../pipelines/running/context.js';
import { rolloutOf } from '../../pipelines/spec/sections.js';
import { itemIdIn, messagesOf, type Task } from '../../pipelines/spec/tasks.js';
import { ensureTopics, openLog } from '../../pipelines/topic-log.js';
import { privilegedTable } from '../../privileged/documents/table.js';
import { itemRecord, privilegedAppend } from '../../privileged/records.js';
import type { Message } from '../../records/records.js';
import type { SourceItem } from '../../sources/source.js';
import { UserError } from '../../support/errors.js';
import { calendarDate } from '../../support/jinja/index.js';
import type { TopicLog } from '../../topics/log.js';
import { localStore, storeOf } from '../../topics/registry.js';
import { openTeachers } from '../open/teacher.js';

/** A check of prompts and documents against the model's context. */
export interface WindowCheck {
  /** What is wrong with the documents themselves, one line each. */
  readonly problems: readonly string[];
  /** Documents that were read. */
  readonly documents: number;
  readonly check: DataCheck;
  close(): Promise<void>;
}

/** Tokens of a conversation as the model is given it. */
type Measure = (messages: readonly Message[]) => number;

/**
 * Reads the documents of a plan, and then tells of each prompt whether it, what the teacher is shown with it, and a
 * completion of `rollout.maxTokens` fit into the model's context.
 * @returns undefined for a model whose context only its engine knows, and where nothing is sampled
 */
export async function openWindowCheck(plan: Plan): Promise<WindowCheck | undefined> {
  const window = windowOf(plan);
  if (!window) return undefined;
  const teacher = readsPrivileged(plan.method) ? await openTeacherCheck(plan, window) : undefined;
  return {
    problems: teacher?.problems ?? [],
    documents: teacher?.documents ?? 0,
    async check(task, item, isHeldOut) {
      const messages = messagesOf(task, item);
      const alone = tooLong('the prompt', window.measure(messages), window, item);
      if (alone.length > 0 || isHeldOut || !teacher) return alone;
      return teacher.check(task, item, messages);
    },
    close: async () => teacher?.close(),
  };
}

interface Window {
  readonly measure: Measure;
  /** Tokens of the model's context. */
  readonly context: number;
  readonly maxTokens: number;
}

function windowOf({ spec, folder, components }: Plan): Window | undefined {
  if (spec.rollout === undefined || components.policy) return undefined;
  const base = baseFolder(spec, folder);
  try {
    const { vocabSize, maxPositionEmbeddings: context } = readConfig(base);
    const template = readChatTemplate(
      base,
      readTokenizer(base, vocabSize),
      chatTemplateOf(spec.model.template, folder),
    );
    const date = calendarDate(new Date().toISOString().slice(0, 10));
    const measure: Measure = (messages) => template.encode(messages, { addGenerationPrompt: true, date }).length;
    return { measure, context, maxTokens: rolloutOf(spec).maxTokens };
  } catch (error) {
    // Whether an engine can run the model is a check of its own.
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** A line of a file, or the name of a generator and the prompt's id. */
const placeOf = ({ source, itemId }: SourceItem): string => (/:\d+$/.test(source) ? source : `${source}: ${itemId}`);

function tooLong(what: string, tokens: number, { context, maxTokens }: Window, item: SourceItem): string[] {
  if (tokens + maxTokens <= context) return [];
  return [
    `${placeOf(item)}: ${what} has ${tokens} tokens, which with rollout.maxTokens (${maxTokens}) makes ` +
      `${tokens + maxTokens}; expected at most ${context}, the model's context`,
  ];
}

/** The teacher's side, over topics in a temporary folder. */
async function openTeacherCheck({ spec, folder, transforms, method }: Plan, window: Window) {
  const run = mkdtempSync(join(tmpdir(), 'rlsd-check-'));
  const plan = planOf({ ...spec, topics: localStore }, folder, transforms, { method, store: storeOf(localStore) });
  const log = await openLog(plan, run);
  await ensureTopics(log, plan.topics);
  const table = await privilegedTable(log);
  const problems: string[] = [];
  const environment = { log, run: 'check', attempts: 1, now: Date.now, table, spec, folder };
  const ingested = await ingestContext({
    ...environment,
    onDeadLetter: (_stage, _cause, error) => void problems.push(error),
  });
  const teachers = await openTeachers({ spec, folder, run, table, contrasts: false });
  return {
    problems,
    documents: ingested.written,
    async check(task: Task, item: SourceItem, messages: readonly Message[]): Promise<string[]> {
      const itemId = itemIdIn(task, item.itemId);
      await writeItem(log, plan, task, { ...item, itemId });
      await table.catchUp();
      try {
        const { privileged, prompt } = teachers.of(itemId);
        const shown = prompt(messages, await privileged.lookup(itemId, item.question));
        return tooLong("the teacher's prompt with its context", window.measure(shown.messages), window, item);
      } catch (error) {
        if (error instanceof UserError) return [`${placeOf(item)}: ${error.message}`];
        throw error;
      }
    },
    async close() {
      await teachers.close();
      await log.close();
      rmSync(run, { recursive: true, force: true });
    },
  };
}

/** The reference and the trace of an item, as the ingest writes them. */
async function writeItem(log: TopicLog, { spec }: Plan, task: Task, item: SourceItem): Promise<void> {
  const { joins } = taskContext(spec, task);
  const texts = { reference: item.answer === '' ? null : item.answer, trace: item.trace };
  const { itemId, source } = item;
  const appends = (['reference', 'trace'] as const).flatMap((kind) => {
    const content = texts[kind];
    if (content === null || !joins.includes(kind)) return [];
    return [privilegedAppend(itemRecord({ run: 'check', itemId, kind, content, source, time: Date.now() }))];
  });
  if (appends.length > 0) await log.append(appends);
}
