import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type ChatTemplate, readChatTemplate } from '../models/chat-template.js';
import type { ModelConfig } from '../models/config.js';
import { readConfig, writeModelFolder } from '../models/folder.js';
import { readTokenizer } from '../models/tokenizer.js';
import type { Disposers } from '../runs/disposers.js';
import { openSource } from '../sources/prompts.js';
import { isBad, type PromptSource } from '../sources/source.js';
import { createVerifier } from '../verifiers/create.js';
import type { Verifier } from '../verifiers/verifier.js';
import { type Demonstrator, demonstratorOf, type Encoded, encode } from './demonstrations.js';
import { newModel } from './new-model.js';
import { hintedCount, type SuperviseSpec, type Supervision } from './spec.js';

/** Everything that training needs, opened. */
export interface Prepared {
  readonly spec: SuperviseSpec;
  /** Folder of the model to start from. */
  readonly start: string;
  readonly config: ModelConfig;
  readonly template: ChatTemplate;
  readonly demonstrator: Demonstrator;
  readonly source: PromptSource;
  readonly verifier: Verifier | undefined;
}

/** @throws {UserError} for templates, prompts, a model and a verifier that cannot be used */
export async function prepare(supervision: Supervision, disposers: Disposers): Promise<Prepared> {
  const { spec, folder, locate } = supervision;
  const { prompts, seed, verify } = spec;
  if ('topic' in prompts) throw new Error('the spec refuses a topic');
  const demonstrator = demonstratorOf(supervision);
  const source = await openSource({ prompts, seed, trains: true, columns: demonstrator.columns }, folder);
  const start = 'base' in spec.model ? resolve(folder, spec.model.base) : temporaryFolder(disposers);
  if (!('base' in spec.model)) {
    const { words, numbers, wordsFrom = words === undefined && numbers === undefined ? 1000 : 0 } = spec.model;
    writeModelFolder(start, newModel(spec.model, seed, await textsOf(source, demonstrator, wordsFrom)));
  }
  const config = readConfig(start);
  const template = readChatTemplate(start, readTokenizer(start, config.vocabSize));
  const verifier =
    verify && disposers.use(await createVerifier(verify, { where: `${locate(['verify'])}: verify`, folder }));
  return { spec, start, config, template, demonstrator, source, verifier };
}

function temporaryFolder(disposers: Disposers): string {
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-supervise-'));
  disposers.add(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Texts of the first prompts, as the model reads and writes them. */
async function textsOf(source: PromptSource, { kinds }: Demonstrator, count: number): Promise<string[]> {
  const texts: string[] = [];
  let left = count;
  for await (const { found, pass } of source.from(0n)) {
    if (left-- === 0 || pass > 0) break;
    if (isBad(found)) throw found.error;
    for (const demonstrate of kinds) {
      const { messages, completion } = demonstrate(found);
      texts.push(...messages.map(({ content }) => content), completion);
    }
  }
  return texts;
}

/** One batch after the other, without end: the plain demonstrations of each come first. */
export async function* batches(prepared: Prepared): AsyncGenerator<readonly Encoded[]> {
  const { spec, source, template, config, demonstrator } = prepared;
  const { plain, hinted } = demonstrator;
  const { batch: size } = spec.learn;
  const plainCount = size - hintedCount(spec);
  let batch: Encoded[] = [];
  for await (const { found } of source.from(0n)) {
    if (isBad(found)) throw found.error;
    const demonstrate = hinted && batch.length >= plainCount ? hinted : plain;
    batch.push(encode(demonstrate(found), template, config.maxPositionEmbeddings));
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
}
